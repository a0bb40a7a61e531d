"""The package does what vectors.json says, which engines in other languages read as well."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from msgspec.structs import replace
from tests.batches import batch_of
from tests.conformance.make_vectors import PATH, document
from tests.everything import app
from tests.model import DAY, Event

from afresh.events.columnar import Columnar
from afresh.events.decode import EventDecoder
from afresh.events.schema import PlanEvent
from afresh.features.canonical import facts_of
from afresh.features.engines.batch.columns import prepare
from afresh.features.engines.batch.distincts import hashed
from afresh.features.engines.batch.facts import facts_of as batch_facts
from afresh.features.engines.batch.facts import living
from afresh.features.engines.batch.frames import frame_of
from afresh.features.engines.embedded import State
from afresh.features.facts import total_order
from afresh.features.plan import Family, Plan, Slot
from afresh.features.value_hashes import value_hash
from afresh.log.files.columns import frame_to_columns
from afresh.log.kafka.partition import partitions_of
from afresh.log.kafka.wire import owners

VECTORS: dict[str, Any] = json.loads(PATH.read_text(encoding="ascii"))
PLAN = app.plan()


def with_family(width: int, *slots: Slot) -> Plan:
    """The plan with one family of tiles and nothing else."""
    family = Family(key="item_id", width=width, reach=100_000 * DAY, slots=slots)
    return replace(
        PLAN, families=(family,), features=(), trends=(), sequences=(), distincts=(), history=0
    )


def tiles_of(plan: Plan, events: Sequence[Event]) -> list[list[list[Any]]]:
    """The tiles of both engines: [family, key, tile, group, slots]."""
    batch = batch_of(plan, events)
    state = State(plan)
    state.fold(batch)
    made = living(plan, state.newest, batch_facts(plan, *frame_of(batch)))
    return [sorted(f[1:] for f in facts if f[0] == "tile") for facts in (facts_of(state), made)]


def test_the_file_is_what_its_generator_writes() -> None:
    assert PATH.read_text(encoding="ascii") == document()
    assert set(VECTORS["about"]) == {"how"} | (set(VECTORS) - {"about"})


@pytest.mark.parametrize("width", sorted({case["width"] for case in VECTORS["tiles"]}))
def test_tiles(width: int) -> None:
    cases = [case for case in VECTORS["tiles"] if case["width"] == width]
    events = [Event(f"e{at}", "view", c["timestamp"], "u", f"i{at}") for at, c in enumerate(cases)]
    for found in tiles_of(with_family(width, Slot(op="n", types=(0,))), events):
        assert {key: tile for _, key, tile, *_ in found} == {
            f"i{at}": case["tile"] for at, case in enumerate(cases)
        }


def test_byte_order() -> None:
    wanted = VECTORS["byte_order"]
    given = wanted[::-1]
    order = total_order(np.full(len(given), 5), "\0".join(given).encode())
    assert order is not None
    assert [given[at] for at in order] == wanted
    frame, places = frame_of(batch_of(PLAN, [Event(name, "view", 5, "u") for name in given]))
    assert prepare(PLAN, frame, places)["event_id"].to_list() == wanted
    assert pl.Series(given).sort().to_list() == wanted


def test_value_hashes() -> None:
    for case in VECTORS["value_hashes"]:
        assert value_hash(case["text"].encode()) + (1 << 63) == int(case["hash"])
        assert hashed(pl.Series([case["text"]]))["hash"].to_list() == [int(case["hash"])]
        assert f"{int(case['hash']):016x}" == case["hex"]


@pytest.mark.parametrize("case", VECTORS["decimals"], ids=lambda c: f"{c['text']}-{c['places']}")
def test_decimals(case: dict[str, Any]) -> None:
    events = (PlanEvent(name="view", value_places=case["places"]),)
    body = f'{{"event_type":"view","user_id":"u","timestamp":5,"value":{case["text"]}}}'
    decoded = EventDecoder(events).decode(body.encode())
    door = Columnar(events).columns(decoded.events)
    frame = pl.DataFrame({"event_type": ["view"], "user_id": ["u"], "timestamp": [5],
                          "event_id": ["e"], "value": [case["text"]]})  # fmt: skip
    for columns in (door, frame_to_columns(frame, events)):
        found = columns.batch.numbers["value"].tolist() if columns.batch.n else []
        assert found == ([] if case["scaled"] is None else [case["scaled"]])
        assert len(columns.rejected) == (case["scaled"] is None)


def test_squares() -> None:
    price = next(at for at, i in enumerate(PLAN.inputs) if i.name == "price" and not i.bands)
    slots = (Slot(op=op, types=(0, 1, 2), input=price) for op in ("sq_low", "sq_high"))
    cases = {f"i{at}": case for at, case in enumerate(VECTORS["squares"])}
    events = [Event(name, "view", 5, "u", name, None, {"price": case["value"]})
              for name, case in cases.items()]  # fmt: skip
    for found in tiles_of(with_family(DAY, *slots), events):
        assert len(found) == len(cases)
        for _, key, _, _, (low, high) in found:
            assert (low, high) == (cases[key]["low"], cases[key]["high"])
            assert high * 2**31 + low == int(cases[key]["square"])


def test_partitions() -> None:
    for case in VECTORS["partitions"]:
        found = partitions_of(case["key"].encode(), 1, case["partitions"])
        assert found.tolist() == [case["partition"]]
        assert (case["murmur2"] & 0x7FFFFFFF) % case["partitions"] == case["partition"]


def test_owners() -> None:
    for case in VECTORS["owners"]:
        event = Event("e", "view", 5, case["user_id"], "i", case["session_id"])
        batch = batch_of(PLAN, [event])
        assert owners(batch) == [case["owner"]]
        row = prepare(PLAN, *frame_of(batch)).row(0, named=True)
        assert (row["owner"], row["visit"]) == (case["owner"], case["visit"])
        state = State(PLAN)
        state.fold(batch)
        sessions = [fact[1] for fact in facts_of(state) if fact[0] == "session"]
        assert sessions == [case["visit"]]
        name = pl.Series("owner", [case["owner"]])
        assert hashed(name)["hash"][0] - (1 << 63) == value_hash(case["hashed"].encode())
