"""Backfill: what answers feel while the log is folded again for a changed definition.

1. `recommend_p99_beside`: one client asks in a loop while a feature that was added is
   backfilled, and the same afterwards: the ratio of the two p99.
2. `rate`: how fast the log is folded meanwhile, of how fast it is folded alone.

`held_ms` is how long the writer stood still at the takeover.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from afresh import App, Features, count, daily
from afresh.backfill import Backfill
from afresh.features.definition import DeclaredClass
from afresh.loading import load
from afresh.runtime import Runtime
from afresh.settings import load_settings
from afresh.store.replica import Replica
from afresh.surface import Query
from afresh.transfer import import_files
from afresh.watch.logging import set_up_logging
from benchmarks._data import shopping
from benchmarks._machine import SHOP, arguments, figure

AFTER = 2_000
"""Answers asked for when the backfill has ended."""


def widened(number: int) -> App:
    """The shop with one more feature, another one for each number."""
    app = load(SHOP)
    view = app._events[0]
    added = {f"added_{number}": count(view, window=daily(40 + number))}
    more = DeclaredClass("Added", (Features,), added, key="user_id")
    app._features = [*app.features, more]
    return app


class Clock:
    """How long the calls of a method took."""

    def __init__(self, owner: type, name: str) -> None:
        self.ms: list[float] = []
        called = getattr(owner, name)

        def timed(*args: object) -> object:
            began = time.perf_counter()
            try:
                return called(*args)
            finally:
                self.ms.append((time.perf_counter() - began) * 1000)

        setattr(owner, name, timed)


def ask(runtime: Runtime, users: list[str], at: int) -> float:
    began = time.perf_counter()
    runtime.recommend(Query(user_id=users[at % len(users)]))
    return (time.perf_counter() - began) * 1000


def main() -> None:
    wanted = arguments("A backfill beside answers.")
    small = wanted.smoke
    shop = shopping(most=60_000, synthetic=True) if small else shopping(wanted.data)
    users = shop.events["user_id"].unique().sort().to_list()
    np.random.default_rng(1).shuffle(users)
    during, after, rates, alone = [], [], [], []
    set_up_logging(load_settings(log_level="error"))
    held = Clock(Backfill, "finish")
    with tempfile.TemporaryDirectory(prefix="afresh-backfill-") as name:
        folder = Path(name)
        events, items, data = folder / "events.parquet", folder / "items.parquet", folder / "data"
        shop.events.write_parquet(events)
        shop.items.write_parquet(items)
        import_files(load(SHOP), data, load_settings(), events=events, items=items)
        for turn in range(1 if small else 3):
            runtime = Runtime.open(widened(turn), data, load_settings())
            gc.freeze()  # as `afresh serve` does
            backfill = runtime.recovery.backfill
            assert backfill is not None
            asked: list[float] = []
            began = time.perf_counter()
            while runtime.recovery.backfill is not None:
                asked.append(ask(runtime, users, len(asked)))
            rates.append(backfill.done / (time.perf_counter() - began))
            quiet = [ask(runtime, users, at) for at in range(200 if small else AFTER)]
            during.append(np.percentile(asked, [50, 99, 100]))
            after.append(np.percentile(quiet, [50, 99, 100]))
            scratch, began = Replica(runtime.plan), time.perf_counter()
            for entry in runtime.store.read():
                scratch.apply(entry)
            alone.append(backfill.done / (time.perf_counter() - began))
            runtime.close()
    quiet_p99 = statistics.median(float(row[1]) for row in after)
    more: dict[str, Any] = {"rounds": len(rates), "events": shop.events.height, "data": shop.source}
    figure(
        "recommend_p99_beside",
        statistics.median(float(a[1] / b[1]) for a, b in zip(during, after, strict=True)),
        "times",
        must=3.0,
        aim=1.5,
        less=True,
        limit={"what": "the same client afterwards", "p99_ms": round(float(quiet_p99), 3)},
        during_ms=[row.round(3).tolist() for row in during],
        after_ms=[row.round(3).tolist() for row in after],
        held_ms=[round(ms, 1) for ms in held.ms],
        **more,
    )
    figure(
        "rate",
        statistics.median(a / b for a, b in zip(rates, alone, strict=True)),
        "of the fold alone",
        must=0.05,
        aim=0.25,
        limit={"what": "the fold alone, one thread", "events_s": round(statistics.median(alone))},
        events_s=round(statistics.median(rates)),
        **more,
    )


if __name__ == "__main__":
    main()
