"""Everything at once on this machine: what it holds, and how long answers lack something after each
part is killed.

Kafka, Flink (three processes), Valkey, Milvus, two servers, a feeder and a reader of the store,
and the load generator share the cores.

1. Events in bodies of 200 to both servers, while lists are asked of both, as fast as they answer.
2. A steady trickle; each part gets a kill -9, lies for a second, and is started again; the next one
   when everybody answers and lacks nothing.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from engines import EngineError
from engines.traffic import Asked, Traffic, call
from engines.whole import PARTS, Whole

from benchmarks import _live
from benchmarks._data import Shopping, shopping
from benchmarks._machine import arguments, figure, spread

SERVERS = ("server-a", "server-b")
SIZE = 200
SETTINGS = {"AFRESH_VECTORS_TIMEOUT": "250ms", "AFRESH_REQUEST_BUDGET": "500ms"}
"""Milvus Lite compares in Python, on cores that are taken: with the usual 50 ms a tenth of the
lists would lack what it says, whoever was killed."""
DOWN_S = 1.0
CALM_S = 5.0
"""So long must nothing be amiss until the next part is killed."""
CALM_WITHIN_S = 60.0
PATIENCE_S = 120.0


def held(whole: Whole, bodies: Sequence[list[dict[str, Any]]], seconds: float) -> None:
    """Figure 1."""
    waiting, lock = list(bodies), threading.Lock()
    people = sorted({event["user_id"] for body in bodies for event in body})
    until = time.monotonic() + seconds
    sent: list[int] = []
    took: list[float] = []
    places: dict[str, str] = {}

    def send(url: str) -> None:
        while time.monotonic() < until:
            with lock:
                if not waiting:
                    return
                body = waiting.pop()
            status, said = call(url, "/v1/events", body, 30.0)
            assert status == 202, said
            sent.append(said["accepted"])
            places[url] = said["offset"]

    def ask(url: str) -> None:
        turn = 0
        while time.monotonic() < until:
            turn += 1
            asked = {"surface": "home", "user_id": people[turn % len(people)]}
            began = time.perf_counter()
            status, said = call(url, "/v1/recommend", asked, 30.0)
            assert status == 200, said
            took.append((time.perf_counter() - began) * 1000)

    runs: list[tuple[Callable[[str], None], str]] = [
        (run, whole.urls[name]) for run in (send, ask) for name in SERVERS
    ]
    threads = [threading.Thread(target=run, args=(url,)) for run, url in runs]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lasted = time.monotonic() - began
    assert waiting, "more events are needed for so many seconds"
    for place in places.values():
        _reflected(whole.urls["reader"], people[:1], place)
    reflected = time.monotonic() - began
    figure(
        "events_held",
        sum(sent) / lasted,
        "events/s",
        must=500,
        aim=2_000,
        limit={"what": "lists asked for meanwhile", "requests_per_s": round(len(took) / lasted)},
        requests_ms=spread(took),
        seconds=round(lasted, 1),
        through_flink_and_store_events_per_s=round(sum(sent) / reflected),
        store_had_all_after_s=round(reflected, 1),
        sharing="eleven processes and the load generator on the machine's cores",
    )


def _reflected(url: str, people: Sequence[str], place: str) -> None:
    """Wait until the reader's values reflect an acknowledged place in the log."""
    late = time.monotonic() + PATIENCE_S
    while time.monotonic() < late:
        asked = {"keys": {"user_id": people}, "after": place}
        status, said = call(url, "/v1/features", asked, 30.0)
        if status == 200 and said.get("fresh", True):
            return
        time.sleep(0.2)
    raise AssertionError(f"the store does not reflect {place}: {status} {said}")


def kills(whole: Whole, events: list[dict[str, Any]], parts: Sequence[str]) -> None:
    """Figure 2."""
    servers = {name: whole.urls[name] for name in SERVERS}
    traffic = Traffic(servers, events, 0.1, whole.urls["reader"])
    traffic.start()
    try:
        time.sleep(2 * DOWN_S)
        for part in parts:
            _killed(whole, traffic, part)
    finally:
        traffic.close()


def _killed(whole: Whole, traffic: Traffic, part: str) -> None:
    began = time.monotonic()
    whole.kill(part)
    time.sleep(DOWN_S)
    whole.start(part)
    ready = time.monotonic()
    _settle(traffic)
    asked = [each for each in traffic.heard.asked if each.at >= began]
    lists = [each for each in asked if each.who in SERVERS]
    taken = [began, *(at for at in traffic.heard.taken if at >= began), time.monotonic()]
    answers = [each for each in lists if each.status == 200]
    answered = [began, *(each.at for each in answers)]
    lacking = [each for each in answers if each.degraded]
    figure(
        f"degraded_after_{part.replace('-', '_')}",
        _stretch(answers),
        "s, the longest in which every list said that it lacked something",
        must=30.0,
        aim=5.0,
        less=True,
        limit={"what": "the part was down", "s": round(ready - began, 2)},
        lacking=sorted({word for each in lacking for word in each.degraded}),
        lists=len(lists),
        lists_lacking=len(lacking),
        longest_without_a_list_s=_longest(answered),
        longest_without_taking_events_s=_longest(taken),
        one_of_two_refused_s=_last([each for each in lists if each.status != 200], began),
        reader_refused_s=_last([e for e in asked if e.who == "reader" and e.status != 200], began),
    )


def _settle(traffic: Traffic) -> None:
    """Wait until everybody answers and lacks nothing, for a while."""
    late = time.monotonic() + CALM_WITHIN_S
    while time.monotonic() < late:
        time.sleep(CALM_S)
        calm = [each for each in traffic.heard.asked if each.at > time.monotonic() - CALM_S]
        if calm and all(each.status == 200 and not each.degraded for each in calm):
            return


def _last(asked: Sequence[Asked], began: float) -> float:
    """Seconds until the last of some answers; 0 when there is none."""
    return round(asked[-1].at - began, 2) if asked else 0.0


def _stretch(asked: Sequence[Asked]) -> float:
    """Seconds of the longest run of answers that lacked something, to the next that did not."""
    longest, since = 0.0, None
    for each in asked:
        if since is not None:
            longest = max(longest, each.at - since)
        if not each.degraded:
            since = None
        elif since is None:
            since = each.at
    return round(longest, 2)


def _longest(moments: Sequence[float]) -> float:
    return round(max(b - a for a, b in pairwise(moments)), 2)


def main() -> None:
    wanted = arguments("Everything at once.")
    small = wanted.smoke
    shop: Shopping = shopping(most=20_000, synthetic=True) if small else shopping(wanted.data)
    lives = _live.Traffic(shop)
    with tempfile.TemporaryDirectory(prefix="afresh-whole-") as folder:
        try:
            whole = Whole(Path(folder), settings=SETTINGS)
        except EngineError as error:
            print(msgspec.json.encode({"figure": "whole", "missing": str(error)}).decode())
            return
        try:
            items = [
                msgspec.json.decode(line) for line in _live.item_lines(shop, 2_000).splitlines()
            ]
            status, said = call(whole.urls["server-a"], "/v1/items", items, 60.0)
            assert status == 202, said
            n, seconds = (100, 2.0) if small else (1_000, 20.0)
            bodies = [[msgspec.json.decode(line) for line in body.split(b"\n")]
                      for body in lives.bodies(n, SIZE)]  # fmt: skip
            held(whole, bodies, seconds)
            events = [msgspec.json.decode(line) for line in lives.lines(4_000 if small else 60_000)]
            kills(whole, events, ("valkey",) if small else PARTS)
        finally:
            whole.stop()


if __name__ == "__main__":
    main()
