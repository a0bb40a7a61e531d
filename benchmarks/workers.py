"""Two workers against one, over a year of shopping: every source, the learned blend.

1. `answers`: how many times the requests of one worker two can answer, if each has a core of its
   own and the load comes from elsewhere. Computed, not clocked, since the load generator takes
   most of a core of a small machine: the same questions are sent to a server of one process and to
   one of two, in turns; the processor seconds (user and system, from /proc) that each serving
   process spent are read before and after. One process could answer `n / seconds` requests a
   second on a core; two could answer `n / the greater seconds of the two`. The value is the median
   over rounds of the second divided by the first. What waits for memory or for the other worker
   on shared cores is counted as processor time, so it is in the figure. Beside it: requests a
   second as clocked, generator and all on the same cores; and the supervisor's processor time.
2. `answers_beside_events`: the same with one event to four questions. Every worker folds every
   event, and a follower hands what it was sent to the writer, so this scales less.
3. `click_elsewhere`: an event is posted on one connection and the answer that reflects it asked for
   on a connection of the other worker: how many times as long that takes as both on one connection,
   medians of the same moments.
"""

from __future__ import annotations

import http.client
import os
import shutil
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmarks._data import Shopping, shopping
from benchmarks._live import Traffic
from benchmarks._load import Load, request
from benchmarks._machine import arguments, figure, spread
from benchmarks._server import served
from benchmarks.recommend import APP, CONNECTIONS, prepared, questions, visitors

SHARING = "servers and load generator share the cores"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port, the processes that answer, and the one that watches them."""

    port: int
    serving: list[int]
    supervisor: int | None


def found(port: int, pid: int) -> Server:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return Server(port, [int(c) for c in children], pid) if children else Server(port, [pid], None)


def seconds(pid: int) -> float:
    """Processor seconds, user and system, that a process has spent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def mixed(traffic: Traffic, asked: list[bytes]) -> list[bytes]:
    """An event after every fourth question."""
    lines = iter(traffic.lines(len(asked) // 4))
    sent: list[bytes] = []
    for at, question in enumerate(asked, 1):
        sent.append(question)
        if at % 4 == 0:
            sent.append(request("/v1/events", next(lines), "application/json"))
    return sent


def turns(
    name: str, file: Path, one: Server, two: Server, sent: list[list[bytes]], shop: Shopping,
    *, must: float, aim: float,
) -> None:  # fmt: skip
    """Rounds of the same load on both; prints the figure. sent: requests of each round."""
    loads = {1: Load(one.port), 2: Load(two.port)}
    servers = {1: one, 2: two}
    ratios, clocked, used = list[float](), dict[int, list[float]](), dict[str, list[float]]()
    for turn, requests in enumerate(sent):
        able = {}
        for n, load_ in loads.items():
            server = servers[n]
            watched = [*server.serving, *([server.supervisor] if server.supervisor else [])]
            before = [seconds(pid) for pid in watched]
            took, _ = load_.run(file, requests, CONNECTIONS, expect=0)
            spent = [seconds(pid) - b for pid, b in zip(watched, before, strict=True)]
            able[n] = len(requests) / max(spent[: len(server.serving)])
            if turn:
                clocked.setdefault(n, []).append(len(requests) / took)
                for place, value in enumerate(spent):
                    who = f"worker {place}" if place < len(server.serving) else "supervisor"
                    key = f"{n}: {who}"
                    used.setdefault(key, []).append(value / len(requests) * 1e6)
        if turn:
            ratios.append(able[2] / able[1])
    for load_ in loads.values():
        load_.close()
    figure(
        name, statistics.median(ratios), "× the requests of one worker", must=must, aim=aim,
        limit={"what": "one process, no supervisor",
               "clocked_requests_per_s": spread(clocked[1], 0)},
        computed="n / the greatest processor seconds of a serving process, two over one",
        ratio=spread(ratios, 3), clocked_requests_per_s=spread(clocked[2], 0),
        processor_us_a_request={k: round(statistics.median(v), 1) for k, v in used.items()},
        rounds=len(ratios), samples=len(sent[0]), data=shop.source, missing=shop.missing,
        sharing=SHARING,
    )  # fmt: skip


def clicks(two: Server, who: list[dict[str, Any]], n: int, shop: Shopping) -> None:
    """One connection after the other goes to the other worker."""
    clients = [http.client.HTTPConnection("127.0.0.1", two.port) for _ in range(2)]
    for client in clients:
        client.connect()
        time.sleep(0.05)
    items = shop.items["item_id"].to_list()

    def asked(client: http.client.HTTPConnection, path: str, body: dict[str, Any]) -> Any:
        client.request(
            "POST", path, msgspec.json.encode(body), {"Content-Type": "application/json"}
        )
        return msgspec.json.decode(client.getresponse().read())

    took: dict[str, list[float]] = {"same": [], "elsewhere": []}
    fresh = 0
    for at in range(n):
        each, sender = who[at % len(who)], clients[at // 2 % 2]
        for name in took:
            asker = sender if name == "same" else clients[1 - at // 2 % 2]
            event = {"event_type": "view", "item_id": items[at % len(items)], **each}
            event["timestamp"] = int(time.time() * 1000)
            began = time.perf_counter()
            token = asked(sender, "/v1/events", event)["offset"]
            body = {"surface": "everything", "n": 20, "after": token, **each}
            fresh += asked(asker, "/v1/recommend", body)["fresh"]
            took[name].append((time.perf_counter() - began) * 1e6)
    for client in clients:
        client.close()
    assert fresh == 2 * n, f"{fresh} of {2 * n} answers reflected their click"
    same, other = spread(took["same"], 1), spread(took["elsewhere"], 1)
    figure("click_elsewhere", other["p50"] / same["p50"], "of the time on one connection",
           must=1.5, aim=1.1, less=True,
           limit={"what": "the same on one connection, same moments", "us": same},
           latency_us=other, samples=n, data=shop.source, missing=shop.missing,
           sharing=SHARING)  # fmt: skip


def main() -> None:
    wanted = arguments("Two workers against one.")
    small = wanted.smoke
    shop = shopping(most=20_000, synthetic=True) if small else shopping(wanted.data)
    rounds, n = (2, 200) if small else (6, 1_000)
    with tempfile.TemporaryDirectory(prefix="afresh-workers-") as name, ExitStack() as running:
        folder = Path(name)
        data = prepared(folder, shop)
        shutil.copytree(data, folder / "again")
        one = found(*running.enter_context(served(data, APP)))
        two = found(*running.enter_context(served(folder / "again", APP, workers=2)))
        who = visitors(shop, n)
        asked = questions(who, "everything")
        turns("answers", folder / "r", one, two, [asked] * rounds, shop, must=1.6, aim=1.9)
        traffic = Traffic(shop)
        both = [mixed(traffic, asked) for _ in range(rounds)]
        turns("answers_beside_events", folder / "r", one, two, both, shop, must=1.0, aim=1.5)
        clicks(two, who, 50 if small else 500, shop)


if __name__ == "__main__":
    main()
