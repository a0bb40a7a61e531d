"""The batch runner over a year of shopping, with the shop's plan.

1. Facts: the events of all days lie in a lake as Parquet; their facts are made and written, a
   revision a day, durable. Beside it the embedded fold of the same events from the log, which keeps
   what is alive at the end only and writes nothing. The limit: Polars scans the same Parquet files
   and counts the events of each item.
2. A first run from end to end: from the log to events and facts, everything on disk.

Rounds of all sides alternate. The facts of the last days are held against those of the fold.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from afresh.app import App
from afresh.committer import pending
from afresh.events.batch import decode_batch
from afresh.features.canonical import canonical
from afresh.features.engines.batch.facts import canonical as batch_canonical
from afresh.features.engines.embedded import State
from afresh.features.plan import DAY_MS
from afresh.lake import Report, run
from afresh.lake.reading import facts_at
from afresh.loading import load
from afresh.log.sqlite import SqliteLog
from benchmarks._data import Shopping, shopping
from benchmarks._machine import SHOP, arguments, figure, spread
from benchmarks._state import payloads


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Bench:
    """A log of shopping, and what each side makes of it."""

    def __init__(self, app: App, shop: Shopping, folder: Path) -> None:
        self.plan, self.folder = app.plan(), folder
        self.log = SqliteLog(folder / "log")
        self.stored = payloads(app, shop, folder)
        self.n = shop.events.height
        now = int(time.time() * 1000)
        self.log.append([pending(decode_batch(p), now, imported=True) for p in self.stored])

    def clear(self, what: str) -> None:
        shutil.rmtree(self.folder / what, ignore_errors=True)

    def run(self) -> Report:
        """Do what is missing; a horizon ahead of time closes the last day, too."""
        return run(self.plan, self.log, self.folder / "lake", horizon_ms=-DAY_MS)

    def fold(self) -> State:
        state = State(self.plan)
        for entry in self.log.read():
            state.fold(decode_batch(entry.payload))
        return state

    def scan(self) -> int:
        events = pl.scan_parquet(self.folder / "lake" / "events", hive_partitioning=True)
        counts = events.group_by("item_id").agg(pl.len(), pl.exclude("item_id").count())
        return counts.collect().height

    def check(self) -> None:
        """The facts of the lake are those of the fold, to the byte."""
        state = self.fold()
        day = datetime.fromtimestamp(state.newest / 1000, UTC).date()
        newest, facts = facts_at(self.plan, self.folder / "lake", day)
        assert batch_canonical(self.plan, newest, facts) == canonical(state)


def main() -> None:
    wanted = arguments("The batch runner over a year of shopping.")
    small = wanted.smoke
    shop = shopping(most=200_000, synthetic=True) if small else shopping(wanted.data)
    if small:  # few days: a day costs as much whatever is in it
        shop = replace(shop, events=shop.newest(10_000))
    with tempfile.TemporaryDirectory(prefix="afresh-batch-") as name:
        bench = Bench(load(SHOP), shop, Path(name))
        bench.fold()  # the kernels are compiled
        took: dict[str, list[float]] = {"run": [], "facts": [], "fold": [], "scan": []}
        for _ in range(2 if small else 3):
            bench.clear("lake")
            took["run"].append(seconds(bench.run))
            bench.clear("lake/facts")
            took["facts"].append(seconds(bench.run))
            took["fold"].append(seconds(bench.fold))
            took["scan"].append(seconds(bench.scan))
        bench.check()
        report = bench.run()
        tell(bench, shop, report, took)
        bench.log.close()


def tell(bench: Bench, shop: Shopping, report: Report, took: dict[str, list[float]]) -> None:
    rates = {name: [bench.n / s for s in each] for name, each in took.items()}
    files = list((bench.folder / "lake").glob("*/*/**/*.parquet"))
    said: dict[str, Any] = {
        "peer": {
            "what": "the embedded fold of the same events, read from the log",
            "events_per_s": spread(rates["fold"], 0),
        },
        "samples": bench.n,
        "days": report.days,
        "families": len(bench.plan.families),
        "lists": len(bench.plan.sequences) + 2,
        "bytes_per_event": {
            kind: round(sum(f.stat().st_size for f in files if kind in f.parts) / bench.n, 1)
            for kind in ("events", "facts")
        },
        "data": shop.source,
        "missing": shop.missing,
        "sharing": "Polars uses all cores; the fold one",
    }
    for name, must, aim in (("facts", 40_000, 100_000), ("run", 30_000, 80_000)):
        share = [a / b for a, b in zip(rates[name], rates["scan"], strict=True)]
        figure(
            name,
            statistics.median(rates[name]),
            "events/s",
            must=must,
            aim=aim,
            limit={
                "what": "Polars scans the same Parquet files and counts by item",
                "events_per_s": spread(rates["scan"], 0),
                "share": round(statistics.median(share), 4),
            },
            events_per_s=spread(rates[name], 0),
            **said,
        )


if __name__ == "__main__":
    main()
