"""How a request grows: its time in stages, for more items and more events.

Synthetic shopping, folded directly: baskets of 9 items in a few minutes, popularity by a power law,
a third of a million events a day; as in the real catalogue, 23 texts for 100 items. A process for
each number of items; it is asked after 10^6 events (three days) and after 10^7 (thirty). The
surface is that of `recommend`: every source, the learned blend, exploration. Before each question,
and before its stages, somebody clicks. Times are of the one thread that asks, by the clock and of
the processor alone.

`growth`: p50 of the processor's time, the most of both against the least of both.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import NULL, EventBatch
from afresh.loading import load
from afresh.store.replica import Replica
from afresh.surface import Query, Surfaces
from benchmarks._machine import ROOT, figure
from benchmarks._stages import stages
from benchmarks.ceiling import column, resident

APP = ROOT / "benchmarks" / "_everything.py"
ITEMS, EVENTS = (10_000, 100_000, 1_000_000), (1_000_000, 10_000_000)
BATCH = 90_000
EACH = 9
"""Items of a basket."""
PER_DAY = 333_000
DAY_MS = 86_400_000
START = 1_790_000_000_000
TEXTS = 0.23
"""Texts an item, in the real catalogue."""
RECORDS = 100_000


def records(first: int, n: int, items: int) -> bytes:
    """Item records `first` .. `first` + n of a catalogue, NDJSON."""
    texts = max(int(items * TEXTS), 1)
    lines = [
        b'{"item_id":"i%08d","title":"product %d of kind %d","category":"category %d",'
        b'"brand":"brand %d","price_cents":%d}'
        % (i, i % texts, i % texts % 2_400, i % texts % 300, i % texts % 100, 50 + i % 5_000)
        for i in range(first, min(first + n, items))
    ]
    return b"\n".join(lines)


def whose(basket: NDArray[np.int64], users: int) -> NDArray[np.int64]:
    """The user of each basket."""
    return basket * 2_654_435_761 % (1 << 32) % users


def batch(
    types: tuple[str, ...], first: int, n: int, items: int, users: int, rng: np.random.Generator
) -> EventBatch:
    """Events first .. first + n, in order of time."""
    at = np.arange(first, first + n)
    bought = rng.choice(3, n, p=[0.85, 0.10, 0.05]).astype(np.uint8)
    texts = {
        "event_id": column("e", at),
        "user_id": column("u", whose(at // EACH, users)),
        "item_id": column("i", (items * rng.random(n) ** 3).astype(np.int64)),
        "session_id": column("s", at // EACH),
    }
    ts = START + at * DAY_MS // PER_DAY
    price: NDArray[np.int64] = np.where(bought == 2, rng.integers(50, 1_500, n), NULL)
    return EventBatch(n, types, bought, ts, texts, {"price_cents": price}, {"price_cents": 0})


def one(items: int, events: list[int], asked: int) -> None:
    """One process: fold, ask, fold on, ask again; a line of JSON for each number of events."""
    app = load(APP)
    plan = app.plan()
    replica, rng = Replica(plan), np.random.default_rng(1)
    before = resident()
    for first in range(0, items, RECORDS):
        replica.fold_items(records(first, RECORDS, items), 1)
    surfaces = Surfaces(app.surfaces, replica)
    began = time.perf_counter()
    surfaces.prepare()
    embedded_s = time.perf_counter() - began
    types, done, spent = tuple(event.name for event in plan.events), 0, 0.0
    users = max(max(events) // 50, 1)
    for most in events:
        while done < most:
            made = batch(types, done, BATCH, items, users, rng)
            replica.catalog.write_into(made)
            began = time.thread_time()
            replica.fold_events(made, 1)
            spent += time.thread_time() - began
            done += BATCH
        baskets = (done - 1 - rng.integers(0, min(done, 200_000), asked)) // EACH
        pairs = zip(baskets.tolist(), whose(baskets, users).tolist(), strict=True)
        queries = [
            Query(surface="everything", session_id=f"s{basket:08}", user_id=f"u{user:08}")
            for basket, user in pairs
        ]

        later = iter(range(done, done + asked))

        def click(later: Iterator[int] = later) -> None:
            """Somebody does something, which voids what stands until then."""
            made = batch(types, next(later), 1, items, users, rng)
            replica.catalog.write_into(made)
            replica.fold_events(made, 1)

        wall, own = stages(
            surfaces, "everything", queries, lambda: replica.state.newest + 1,
            lambda query: surfaces.recommend(query, replica.state.newest + 1), click,
        )  # fmt: skip
        said = {
            "items": items,
            "events": done,
            "facts": replica.state.facts.used,
            "wall_us": wall,
            "processor_us": {name: values["p50"] for name, values in own.items()},
            "processor_p99_us": own["all"]["p99"],
            "fold_s": round(spent, 2),
            "embedded_s": round(embedded_s, 2),
            "resident_bytes": resident() - before,
        }
        print(msgspec.json.encode(said).decode(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="How a request grows with items and events.")
    parser.add_argument("--smoke", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--data", type=Path, help="not used: the events are made up")
    parser.add_argument("--one", nargs=3, metavar=("ITEMS", "EVENTS", "ASKED"))
    wanted = parser.parse_args()
    if wanted.one:
        items, events, asked = wanted.one
        one(int(items), [int(n) for n in events.split(",")], int(asked))
        return
    sizes: tuple[int, ...] = ITEMS
    counts, asked = EVENTS, 1_000
    if wanted.smoke:
        sizes, counts, asked = (1_000, 10_000), (90_000, 180_000), 40
    found = []
    for items in sizes:
        given = [str(items), ",".join(map(str, counts)), str(asked)]
        command = [sys.executable, "-m", "benchmarks.growth", "--one", *given]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        for line in done.stdout.splitlines():
            found.append(msgspec.json.decode(line))
            point = found[-1]
            figure(
                f"request_{point['items']}_items_{point['events']}_events",
                point["processor_us"]["all"], "µs", must=1667, aim=1000, less=True,
                limit={"what": "a request in process, stage by stage", "us": point["wall_us"]},
                sharing="one thread", **{k: v for k, v in point.items() if k != "wall_us"},
            )  # fmt: skip
    first, last = (point["processor_us"] for point in (found[0], found[-1]))
    each = {stage: round(last[stage] / us, 2) for stage, us in first.items() if us > 0}
    figure(
        "growth", last["all"] / first["all"], "times", must=4, aim=2, less=True,
        limit={"what": "the same with the fewest items and events", "processor_us": first},
        processor_us=last, times=each, items=[sizes[0], sizes[-1]],
        events=[counts[0], counts[-1]], samples=asked, sharing="one thread",
    )  # fmt: skip


if __name__ == "__main__":
    main()
