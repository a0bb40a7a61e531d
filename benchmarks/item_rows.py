"""What a server that holds nothing asks of 500 candidates × 30 features, in two ways.

1. Their values, fetched from the store in one MGET, as a feeder wrote them.
2. The items' rows, replicated in the server from the compacted topic, and read in its memory.

Of each: how long a question takes, what is held and where, and how many rows a second are taken.
Both give the same bytes. The rows are made here, as Flink writes them; Valkey is a real one.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from afresh.features.engines.rows.atoms import slot_input
from afresh.features.engines.rows.facts import FactTable, facts_of
from afresh.features.engines.rows.identity import family_name
from afresh.features.from_facts import state_of
from afresh.features.plan import Plan
from afresh.features.reading import Reader
from afresh.feed.feeding import PORTION
from afresh.feed.merging import Merging
from afresh.feed.rows import Change, RowReader
from afresh.loading import load
from afresh.store.redis import Access, RedisStore
from afresh.store.stored import Stored
from afresh.store.value import Head, Keys, generation_of
from benchmarks._machine import ROOT, arguments, figure, spread, timed
from benchmarks._valkey import valkey

NOON, HOUR = 1_790_000_000_000, 3_600_000
ENTITIES, DAY_EVENTS = 500, 0.3
Record = tuple[bytes, bytes]


def records(plan: Plan, items: int, events: int) -> Iterator[Record]:
    """The rows that events of a shop leave in the topic, one after the other; most are of today."""
    dice = random.Random(5)
    atoms: dict[tuple[Any, ...], dict[str, int]] = {}
    for at in range(events):
        item = f"i{int(dice.random() ** 2 * items)}"
        back = dice.random() * 24 if dice.random() < DAY_EVENTS else dice.random() * 24 * 9
        ts = NOON - int(back * HOUR)
        code = dice.choices([0, 1, 2], [85, 10, 5])[0]
        for family in plan.families:
            for source in {slot_input(plan, s) for s in family.slots if code in s.types}:
                value = at % 900 if source else None
                name = family_name(plan, family), item, ts // family.width, code, source
                atom = atoms.setdefault(name, {"n": 0, "offset": 0})
                atom["n"], atom["offset"] = atom["n"] + 1, at
                if value is not None:
                    atom["sum"] = atom.get("sum", 0) + value
                    atom["min"] = min(value, atom.get("min", value))
                    atom["max"] = max(value, atom.get("max", value))
                key = {"fact": "tile", "family": name[0], "key": item, "tile": name[2], "group": "",
                       "type": plan.events[code].name, "input": source}  # fmt: skip
                yield msgspec.json.encode(key), msgspec.json.encode(atom)


def last_of_each(rows: list[Record]) -> list[Record]:
    return list(dict(rows).items())


def merged(merging: Merging, reader: RowReader, rows: list[Record]) -> float:
    """Rows a second into the store."""
    began = time.perf_counter()
    for at in range(0, len(rows), PORTION):
        changes = [reader.read(*row) for row in rows[at : at + PORTION]]
        merging.merge([change for change in changes if isinstance(change, Change)])
    return len(rows) / (time.perf_counter() - began)


def taken(rows: list[Record]) -> tuple[FactTable, float, int]:
    """A table of rows in memory, rows a second, and its bytes."""
    table = FactTable()
    began = time.perf_counter()
    for row in rows:
        table.take(*row)
    rate = len(rows) / (time.perf_counter() - began)
    tracemalloc.start()
    again = FactTable()
    for row in rows:
        again.take(*row)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    table.log["0"] = {"n": len(rows), "max": NOON}
    return table, rate, held


def main() -> None:
    small = arguments("500 candidates by fetched values or by rows held.").smoke
    items, events, rounds = (600, 3_000, 10) if small else (5_000, 60_000, 200)
    plan = load(ROOT / "benchmarks" / "_thirty.py").plan()
    told = list(records(plan, items, events))
    compacted, live = last_of_each(told), told[-len(told) // 5 :]
    features = [f for f in plan.features if f.key == "item_id"]
    names, now = [f"i{at}" for at in range(ENTITIES)], NOON + 1
    keys = Keys("bench", plan)
    head = Head(generation_of(plan, "bench", "flink"), "bench", [1], NOON, "flink")
    with tempfile.TemporaryDirectory(prefix="afresh-rows-") as name, valkey(Path(name)) as found:
        port, client, _ = found
        store = RedisStore(Access(f"redis://127.0.0.1:{port}/0", timeout_ms=60_000))
        merging, reader = Merging(plan, store, keys, head.generation), RowReader(plan)
        merging.newest = NOON
        merged(merging, reader, compacted[:10])
        rate = merged(merging, reader, compacted), merged(merging, reader, live)
        store.put([head.put(keys.head)], 3_600_000)
        table, local_rate, local_bytes = taken(compacted)
        began = time.perf_counter()
        state = state_of(plan, NOON, facts_of(plan, table))
        making = time.perf_counter() - began
        local, stored = Reader(state), Stored(plan, store, "bench")
        numbers = state.find("item_id", names)
        works: dict[str, Callable[[], Any]] = {
            "fetched": lambda: stored.matrix("item_id", names, features, now),
            "held": lambda: local.matrix(numbers, features, now),
        }
        assert works["fetched"]().tobytes() == works["held"]().tobytes()
        took: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(rounds):
            for each, work in works.items():
                took[each] += [s * 1e3 for s in timed(work, 3)]
        values = client.mget([keys.prefix(head.generation, "item_id") + n.encode() for n in names])
        figure(
            "candidates fetched",
            statistics.median(took["fetched"]),
            "ms for 500 × 30 from the store",
            must=10,
            aim=2.5,
            limit={"what": "the same, held in the server", "ms": spread(took["held"], 3)},
            less=True,
            ms=spread(took["fetched"], 3),
            rows=len(compacted),
            items=items,
            value_bytes=round(statistics.fmean(len(v or b"") for v in values)),
            store_bytes=int(client.info("memory")["used_memory"]),
            into_store_rows_s=[round(r) for r in rate],
            held_bytes=local_bytes,
            held_rows_s=round(local_rate),
            held_state_s=round(making, 2),
        )
        store.close()


if __name__ == "__main__":
    main()
