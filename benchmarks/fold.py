"""The fold alone on one core, and a Parquet import from end to end.

1. `State.fold` over decoded batches of the log: the shop's tiles, sequences, sessions and postings.
   Beside it what decoding the same batches and adding at three known integer columns costs
   (the limit: no names, no order, no windows), and plain dictionaries counting the same
   events (what a few lines of Python would do).
2. `afresh import` of a Parquet file into a folder that has the catalogue, from opening it to the
   snapshot at the end, everything durable and folded. The limit: polars reads the same file,
   SQLite takes the same payloads in the same commits.

Rounds of both sides alternate; every round starts from a state without events.
"""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.app import App
from afresh.events.batch import EventBatch, decode_batch
from afresh.features.engines.embedded import State
from afresh.loading import load
from afresh.log.files import read_events
from afresh.settings import load_settings
from afresh.transfer import CHUNK, ENTRY, import_files
from benchmarks._bare import Bare
from benchmarks._data import Shopping, shopping
from benchmarks._machine import SHOP, arguments, figure, spread
from benchmarks._state import payloads

SIZES = (ENTRY, 4_096, 1_000)
"""Events a batch: entries of an import, full groups of live commits, one body."""


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def fold(app: App, shop: Shopping, folder: Path, rounds: int) -> None:
    stored = payloads(app, shop, folder)
    plan, n = app.plan(), shop.events.height
    whole = [decode_batch(payload) for payload in stored]
    numbers = [known(whole, name) for name in ("item_id", "user_id", "session_id")]
    cut = {size: [part for batch in whole for part in batch.cut(size)] for size in SIZES}
    State(plan).fold(whole[0])  # the kernels are compiled

    def all_of(batches: list[EventBatch]) -> State:
        state = State(plan)
        for batch in batches:
            state.fold(batch)
        return state

    took: dict[str, list[float]] = {}
    for _ in range(rounds):
        for size, batches in cut.items():
            took.setdefault(str(size), []).append(seconds(lambda b=batches: all_of(b)))  # type: ignore[misc]
        took.setdefault("limit", []).append(seconds(lambda: add_at(stored, numbers)))
        took.setdefault("dictionaries", []).append(seconds(lambda: dictionaries(whole)))
    rates = {name: [n / s for s in each] for name, each in took.items()}
    main = rates[str(ENTRY)]
    state = all_of(whole)
    shares = [a / b for a, b in zip(main, rates["limit"], strict=True)]
    figure(
        "fold",
        statistics.median(main),
        "events/s",
        must=1_500_000,
        aim=2_500_000,
        limit={
            "what": "decode the same batches, np.add.at on three columns of known integers",
            "events_per_s": spread(rates["limit"], 0),
            "share": round(statistics.median(shares), 4),
        },
        peer={
            "what": "Python dictionaries: counts by item and 5 minutes, by user and day; lists",
            "events_per_s": spread(rates["dictionaries"], 0),
        },
        events_per_s={f"batches_of_{size}": spread(rates[str(size)], 0) for size in SIZES},
        rounds=rounds,
        samples=n,
        items=len(state.items),
        parties=len(state.parties),
        families=len(plan.families),
        sequences=len(plan.sequences),
        data=shop.source,
        missing=shop.missing,
        sharing="one thread",
    )


def known(batches: list[EventBatch], name: str) -> NDArray[np.int64]:
    """The numbers of a text column of all batches."""
    texts = pl.Series([text for batch in batches for text in batch.strings(name)])
    return texts.rank("dense").to_numpy().astype(np.int64)


def add_at(stored: list[bytes], numbers: list[NDArray[np.int64]]) -> None:
    """The limit: three counts an event."""
    counts = [np.zeros(int(column.max()) + 1, np.int64) for column in numbers]
    at = 0
    for payload in stored:
        n = decode_batch(payload).n
        for count, column in zip(counts, numbers, strict=True):
            np.add.at(count, column[at : at + n], 1)
        at += n


def dictionaries(batches: list[EventBatch]) -> None:
    """The peer: two aggregates and one history of the many that the shop declares."""
    items: dict[tuple[str, int], int] = {}
    users: dict[tuple[str, int], int] = {}
    history: dict[str, list[str]] = {}
    for batch in batches:
        names = zip(batch.strings("item_id"), batch.strings("user_id"), strict=True)
        for (item, user), ts in zip(names, batch.ts.tolist(), strict=True):
            pulse, day = (item, ts // 300_000), (user, ts // 86_400_000)
            items[pulse] = items.get(pulse, 0) + 1
            users[day] = users.get(day, 0) + 1
            recent = history.setdefault(user, [])
            recent.append(item)
            if len(recent) > 100:
                del recent[:50]


def parquet(app: App, shop: Shopping, folder: Path, rounds: int) -> None:
    events, items = folder / "events.parquet", folder / "items.parquet"
    shop.events.write_parquet(events)
    shop.items.write_parquet(items)
    ours, limit, stages, bytes_of = [], [], [], 0
    for turn in range(rounds):
        data = folder / f"import-{turn}"
        marks: list[float] = []

        def watch(stage: str, done: int, total: int, marks: list[float] = marks) -> None:
            if stage == "events":
                marks.append(time.perf_counter())

        settings, began = load_settings(), time.perf_counter()
        import_files(app, data, settings, items=items)
        catalogue, began = time.perf_counter() - began, time.perf_counter()
        report = import_files(app, data, settings, events=events, progress=watch)
        took = time.perf_counter() - began
        assert report.events == shop.events.height, report
        ours.append(report.events / took)
        stages.append(
            {
                "catalogue_before_s": round(catalogue, 3),
                "until_last_event_s": round(marks[-1] - began, 3),
                "all_s": round(took, 3),
            }
        )
        rows = sqlite3.connect(data / "log.sqlite3")
        stored = [row[0] for row in rows.execute("SELECT payload FROM entry WHERE kind = 0")]
        rows.close()
        bytes_of = sum(map(len, stored))
        bare = Bare(folder / f"bare-{turn}")
        began = time.perf_counter()
        for _ in read_events(events, chunk=CHUNK):
            pass
        for first in range(0, len(stored), CHUNK // ENTRY):
            bare.commit(stored[first : first + CHUNK // ENTRY])
        limit.append(report.events / (time.perf_counter() - began))
        bare.close()
        shutil.rmtree(data)
        shutil.rmtree(folder / f"bare-{turn}")
    figure(
        "parquet_import",
        statistics.median(ours),
        "events/s",
        must=250_000,
        aim=400_000,
        limit={
            "what": "polars reads the same file, SQLite (WAL, FULL) takes the same payloads",
            "events_per_s": spread(limit, 0),
            "share": round(statistics.median(a / b for a, b in zip(ours, limit, strict=True)), 4),
        },
        events_per_s=spread(ours, 0),
        stages=stages,
        rounds=rounds,
        samples=shop.events.height,
        log_bytes_per_event=round(bytes_of / shop.events.height, 1),
        items=shop.items.height,
        data=shop.source,
        missing=shop.missing,
        sharing="reading, writing and folding overlap in threads; the limit has polars' threads",
    )


def main() -> None:
    wanted = arguments("The fold alone, and a Parquet import.")
    small = wanted.smoke
    shop = shopping(most=20_000, synthetic=True) if small else shopping(wanted.data)
    app = load(SHOP)
    with tempfile.TemporaryDirectory(prefix="afresh-fold-") as name:
        folder = Path(name)
        fold(app, shop, folder, 2 if small else 5)
        parquet(app, shop, folder, 2 if small else 5)


if __name__ == "__main__":
    main()
