"""What it costs as it grows, and what a billion events a day would need.

1. Keys: 10^5, 10^6, 10^7 users with ten events each at most, folded by the embedded engine, a
   process each: resident bytes a key, events/s.
2. Partitions: topics of 1, 2 and 4, the same events read and folded by one server.
3. From these, and from the answers that one core gives (docs/benchmarks.md, `--answers`), what a
   billion events a day of 100 million users need, said as a sum that can be checked.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from engines import EngineError
from engines.kafka import Kafka

from afresh.events.batch import EventBatch
from afresh.features.columns import item_columns
from afresh.loading import load
from afresh.log.kafka.wire import Wire
from afresh.mirror.runtime import MirrorRuntime
from afresh.store.replica import Replica
from benchmarks import kafka as topics_of
from benchmarks._machine import ROOT, SHOP, figure
from benchmarks.ceiling import column, resident

KEYS = (100_000, 1_000_000, 10_000_000)
MOST = 20_000_000
"""Events at most, so that the largest point takes a minute."""
BATCH = 50_000
START = 1_790_000_000_000
DAY_S, GIB = 86_400, 1 << 30


def events(types: tuple[str, ...], first: int, n: int, users: int) -> EventBatch:
    """Events first .. first + n, 10,000 a second of event time, of `users` in turn."""
    at = np.arange(first, first + n)
    rng = np.random.default_rng(first)
    texts = {
        "event_id": column("e", at),
        "user_id": column("u", at * 7_919 % users),
        "item_id": column("i", (50_000 * rng.random(n) ** 3).astype(np.int64)),
        "session_id": column("s", at * 7_919 % users),
    }
    return EventBatch(n, types, np.zeros(n, np.uint8), START + at // 10, texts)


def one(users: int) -> None:
    """One process: fold, and say what it took."""
    plan = load(SHOP).plan()
    replica, types = Replica(plan), tuple(event.name for event in plan.events)
    replica.fold_events(events(types, 0, 1_000, 1_000), 1)  # kernels
    replica.clear()
    before, spent = resident(), 0.0
    total = min(10 * users, MOST)
    for first in range(0, total, BATCH):
        made = events(types, first, min(BATCH, total - first), users)
        began = time.perf_counter()
        replica.fold_events(made, 1)
        spent += time.perf_counter() - began
    replica.pack()
    said = {
        "users": users,
        "events": total,
        "bytes_a_key": round((resident() - before) / users, 1),
        "events_per_s": round(total / spent),
    }
    print(msgspec.json.encode(said).decode(), flush=True)


def keys(points: tuple[int, ...]) -> list[dict[str, Any]]:
    rows = []
    for users in points:
        command = [sys.executable, "-m", "benchmarks.scale", "--one", str(users)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        rows.append(msgspec.json.decode(done.stdout))
    least = min(row["events_per_s"] for row in rows)
    most = max(row["events_per_s"] for row in rows)
    figure(
        "keys",
        least / most,
        "of the rate with the fewest keys, at the slowest",
        must=0.5,
        aim=0.8,
        limit={"what": "the same fold with the fewest keys", "events_per_s": most},
        curve=rows,
    )
    return rows


def partitions(counts: tuple[int, ...], n: int) -> dict[int, float]:
    """Events/s that one server reads and folds, by the partitions of the topic."""
    app = load(SHOP)
    plan = app.plan()
    types, wire = tuple(e.name for e in plan.accepted), Wire(plan.accepted, *item_columns(plan))
    rates: dict[int, float] = {}
    with tempfile.TemporaryDirectory(prefix="afresh-scale-") as name:
        broker = Kafka(Path(name) / "broker")
        try:
            for count in counts:
                settings, address, topics = topics_of.fresh(broker, count)
                made = (events(types, at, BATCH, n // 10) for at in range(0, n, BATCH))
                topics_of.fill(address, topics, made, wire, count)
                began = time.perf_counter()
                runtime = MirrorRuntime.open(app, Path(name) / f"server{count}", settings)
                rates[count] = round(n / (time.perf_counter() - began))
                assert runtime.replica.state.events == n
                runtime.close()
        finally:
            broker.stop()
    figure(
        "partitions",
        min(rates.values()) / max(rates.values()),
        "of the best count, at the worst",
        must=0.5,
        aim=0.8,
        limit={"what": "the best of these counts", "events_per_s": max(rates.values())},
        events_per_s={str(count): rate for count, rate in rates.items()},
        events=n,
    )
    return rates


def needed(rows: list[dict[str, Any]], rate: float, answers: float) -> None:
    """A billion events a day and 100 million users, ten answers a day each."""
    peak = 1e9 / DAY_S * 3
    asked = 1e8 * 10 / DAY_S * 3
    memory = rows[-1]["bytes_a_key"] * 1e8 / GIB
    figure(
        "billion_a_day",
        peak / rate,
        "of what one server folds, at the peak",
        must=1.0,
        aim=0.5,
        less=True,
        limit={"what": "one server's measured rate of reading and folding", "events_per_s": rate},
        peak_events_per_s=round(peak),
        peak_answers_per_s=round(asked),
        cores_for_answers=round(asked / answers + 0.5),
        state_gib_a_server=round(memory, 1),
        log_gib_a_day=round(1e9 * 205 / 2.5 / GIB),
        assumed="a peak of three times the mean; 205 bytes a message, lz4 at 2.5; answers per core"
        f" {answers:.0f}/s",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="What it costs as it grows.")
    parser.add_argument("--smoke", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--data", type=Path, help="not used: the events are made up")
    parser.add_argument("--answers", type=float, default=590, help="answers/s of one core")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one:
        one(wanted.one)
        return
    rows = keys((1_000, 10_000) if wanted.smoke else KEYS)
    try:
        counts, n = ((1, 2), 50_000) if wanted.smoke else ((1, 2, 4), 2_000_000)
        rates = partitions(counts, n)
    except EngineError as error:
        print(msgspec.json.encode({"figure": "partitions", "missing": str(error)}).decode())
        return
    needed(rows, min(rates.values()), wanted.answers)


if __name__ == "__main__":
    main()
