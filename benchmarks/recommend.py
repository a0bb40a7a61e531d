"""Recommend over a year of shopping: every source, the learned blend, exploration.

1. `at_saturation`: answers a second of one server on 16 connections. Beside it an empty handler of
   the same framework, and the shop's own surface (three sources, fixed weights).
2. `open_p99`: p99 at 300 requests a second, whether or not the last one is answered.
3. `stages`: where the time of a request goes, in process, µs a stage.
4. `click`: an event is posted, and the answer that reflects it asked for; in turns with `GET
   /livez`, while 200 requests and 1,000 events a second come from elsewhere.

The load generator shares the cores with the server.
"""

from __future__ import annotations

import http.client
import random
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from afresh.loading import load
from afresh.runtime import Runtime
from afresh.settings import load_settings
from afresh.surface import Query
from afresh.transfer import import_files
from benchmarks._data import Shopping, shopping
from benchmarks._live import Traffic
from benchmarks._load import Load, request
from benchmarks._machine import ROOT, arguments, figure, spread
from benchmarks._server import serving
from benchmarks._stages import stages

APP = ROOT / "benchmarks" / "_everything.py"
CONNECTIONS = 16
RATE = 300.0


def prepared(folder: Path, shop: Shopping) -> Path:
    """A data folder with everything imported."""
    shop.events.write_parquet(folder / "events.parquet")
    shop.items.write_parquet(folder / "items.parquet")
    items, events = folder / "items.parquet", folder / "events.parquet"
    import_files(load(APP), folder / "data", load_settings(), items=items, events=events)
    return folder / "data"


def visitors(shop: Shopping, n: int) -> list[dict[str, Any]]:
    """Users who were here lately, each in their last session."""
    rows = shop.newest(200_000).select("user_id", "session_id").unique(maintain_order=True)
    rng = random.Random(1)
    return [rng.choice(rows.to_dicts()) for _ in range(n)]


def questions(who: list[dict[str, Any]], surface: str) -> list[bytes]:
    bodies = [msgspec.json.encode({"surface": surface, "n": 20, **each}) for each in who]
    return [request("/v1/recommend", body, "application/json") for body in bodies]


def in_process(data: Path, who: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """µs of each stage, by the clock and of the processor."""
    runtime = Runtime.open(load(APP), data, load_settings())
    asked = [Query(surface="everything", n=20, **each) for each in who]
    now, recommend = runtime.replica.now, runtime.recommend
    found = stages(runtime.surfaces, "everything", asked, now, recommend)
    runtime.close()
    return found


def saturated(
    folder: Path, port: int, who: list[dict[str, Any]], rounds: int, shop: Shopping
) -> None:
    load_, file = Load(port), folder / "requests"
    kinds = {"everything": questions(who, "everything"), "home": questions(who, "home")}
    kinds["empty"] = [request("/livez")] * len(who)
    rates: dict[str, list[float]] = {}
    latencies: list[float] = []
    for turn in range(rounds + 1):
        for name, sent in kinds.items():
            seconds, each = load_.run(file, sent, CONNECTIONS, expect=200)
            if turn:
                rates.setdefault(name, []).append(len(sent) / seconds)
                latencies += each if name == "everything" else []
    figure(
        "at_saturation", statistics.median(rates["everything"]), "requests/s", must=600, aim=1000,
        limit={"what": "GET /livez, same server", "requests_per_s": spread(rates["empty"], 0)},
        peer={"what": "surface home: three sources", "requests_per_s": spread(rates["home"], 0)},
        requests_per_s=spread(rates["everything"], 0), latency_us=spread(latencies, 0),
        rounds=rounds, samples=len(who), events=shop.events.height, items=shop.items.height,
        data=shop.source, missing=shop.missing, sharing="server and load generator share the cores",
    )  # fmt: skip
    _, each = load_.run(file, kinds["everything"], CONNECTIONS, rate=RATE, expect=200)
    figure(
        "open_p99", spread(each, 1)["p99"] / 1000, "ms", must=10, aim=10, less=True,
        limit={"what": "requests a second", "rate": RATE}, latency_us=spread(each, 1),
        samples=len(each), data=shop.source, missing=shop.missing,
        sharing="server and load generator share the cores",
    )  # fmt: skip
    load_.close()


def clicks(folder: Path, port: int, who: list[dict[str, Any]], n: int, shop: Shopping) -> None:
    """Clicks of one visitor after the other, beside other traffic."""
    lines = Traffic(shop).lines(n * 40)
    others = []
    for name, sent, rate, expect in (
        ("events", [request("/v1/events", x, "application/json") for x in lines], 1000.0, 202),
        ("asked", questions(who * (n // len(who) + 1), "everything")[: n * 8], 200.0, 200),
    ):
        load_ = Load(port)

        def other(load_: Load = load_, name: str = name, sent: list[bytes] = sent,
                  rate: float = rate, expect: int = expect) -> None:  # fmt: skip
            load_.run(folder / name, sent, CONNECTIONS, rate=rate, expect=expect)
            load_.close()

        others.append(threading.Thread(target=other))
    items = shop.items["item_id"].to_list()
    rng, took, trips, fresh = random.Random(2), list[float](), list[float](), 0
    for thread in others:
        thread.start()
    time.sleep(0.5)
    client = http.client.HTTPConnection("127.0.0.1", port)

    def asked(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        sent = None if body is None else msgspec.json.encode(body)
        client.request(method, path, sent, {"Content-Type": "application/json"})
        answer: dict[str, Any] = msgspec.json.decode(client.getresponse().read())
        return answer

    for each in (who * (n // len(who) + 1))[:n]:
        began = time.perf_counter()
        asked("GET", "/livez")
        trips.append((time.perf_counter() - began) * 1e6)
        event = {"event_type": "view", "item_id": rng.choice(items), **each}
        event["timestamp"] = int(time.time() * 1000)
        began = time.perf_counter()
        token = asked("POST", "/v1/events", event)["offset"]
        body = {"surface": "everything", "n": 20, "after": token, **each}
        fresh += asked("POST", "/v1/recommend", body)["fresh"]
        took.append((time.perf_counter() - began) * 1e6)
    client.close()
    for thread in others:
        thread.join()
    assert fresh == n, f"{fresh} of {n} answers reflected their click"
    trip = statistics.median(trips)
    figure("click_p99", spread(took, 1)["p99"] / 1000, "ms", must=10, aim=10, less=True,
           limit={"what": "GET /livez, same client, same moments", "us": spread(trips, 1)},
           latency_us=spread(took, 1), samples=n, data=shop.source, missing=shop.missing,
           sharing="server, two load generators and the client share the cores")  # fmt: skip
    figure("click_p50", statistics.median(took) / trip, "of a round trip", must=4, aim=4, less=True,
           limit={"what": "GET /livez, same client, same moments", "us": spread(trips, 1)},
           latency_us=spread(took, 1), samples=n, data=shop.source, missing=shop.missing,
           sharing="server, two load generators and the client share the cores")  # fmt: skip


def main() -> None:
    wanted = arguments("Recommend with every source over a year of shopping.")
    small = wanted.smoke
    shop = shopping(most=20_000, synthetic=True) if small else shopping(wanted.data)
    with tempfile.TemporaryDirectory(prefix="afresh-recommend-") as name:
        folder = Path(name)
        data = prepared(folder, shop)
        who = visitors(shop, 100 if small else 2_000)
        found, own = in_process(data, who[: 50 if small else 500])
        figure("stages", found["all"]["p50"], "µs", must=1667, aim=1000, less=True,
               limit={"what": "a request in process, stage by stage", "us": found},
               processor_us={name: values["p50"] for name, values in own.items()},
               events=shop.events.height, items=shop.items.height, data=shop.source,
               missing=shop.missing, sharing="one thread")  # fmt: skip
        with serving(data, APP) as port:
            saturated(folder, port, who, 1 if small else 5, shop)
            clicks(folder, port, who, 50 if small else 500, shop)


if __name__ == "__main__":
    main()
