"""The batch runner's facts are those of the model and of the embedded engine, to the byte."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from msgspec.structs import replace
from tests.batches import batch_of
from tests.events_made import histories
from tests.everything import app
from tests.model import DAY, Event, Model
from tests.streams import NOON, stream

from afresh.features.canonical import canonical
from afresh.features.engines.batch.columns import prepare
from afresh.features.engines.batch.facts import canonical as batch_canonical
from afresh.features.engines.batch.facts import facts_of, living, together
from afresh.features.engines.batch.frames import frame_of
from afresh.features.engines.batch.tiles import tiles
from afresh.features.engines.embedded import State
from afresh.features.from_facts import state_of
from afresh.features.plan import Family, Slot

PLAN = app.plan()


def difference(found: bytes, wanted: bytes) -> list[str]:
    """The first lines that only one side has."""
    have, want = set(found.split(b"\n")), set(wanted.split(b"\n"))
    return [f"- {line.decode()}" for line in sorted(want - have)[:5]] + [
        f"+ {line.decode()}" for line in sorted(have - want)[:5]
    ]


def batch(events: Sequence[Event]) -> bytes:
    """What the batch runner says of events, all days at once."""
    frame, places = frame_of(batch_of(PLAN, events))
    return batch_canonical(PLAN, max(e.ts for e in events), facts_of(PLAN, frame, places))


def test_batch_model_and_embedded_engine_give_the_same_bytes() -> None:
    _, counted = stream()
    wanted = Model(PLAN, counted).canonical()
    state = State(PLAN)
    state.fold(batch_of(PLAN, counted))
    assert canonical(state) == wanted
    found = batch(counted)
    assert not difference(found, wanted)
    assert found == wanted


def test_days_merge_and_the_reader_takes_them() -> None:
    _, counted = stream(10)
    wanted = Model(PLAN, counted).canonical()
    frame, places = frame_of(batch_of(PLAN, counted))
    days = frame.partition_by("day")
    assert len(days) >= 2
    parts = [facts_of(PLAN, day, places) for day in days]
    newest = max(e.ts for e in counted)
    facts = list(living(PLAN, newest, together(parts)))
    lines = sorted(msgspec.json.encode(fact) for fact in facts)
    assert b"\n".join([msgspec.json.encode(["F", newest]), *lines]) == wanted
    assert canonical(state_of(PLAN, newest, facts)) == wanted


@settings(max_examples=40)
@given(histories())
def test_any_history_gives_the_model_bytes(events: list[Event]) -> None:
    assert batch(events) == Model(PLAN, events).canonical()


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@settings(max_examples=1500)
@given(histories())
def test_the_same_for_many_more(events: list[Event]) -> None:
    assert batch(events) == Model(PLAN, events).canonical()


def test_a_count_has_64_bits() -> None:
    family = Family(key="item_id", width=DAY, reach=DAY, slots=(Slot(op="n", types=(0,)),))
    plan = replace(PLAN, families=(family,))
    events = prepare(plan, *frame_of(batch_of(plan, stream(1)[1])))
    (counted,) = tiles(plan, events.lazy())
    assert counted.collect_schema()["slots"] == pl.List(pl.Int64)


def test_a_plan_without_distincts_has_none() -> None:
    plan = replace(PLAN, distincts=())
    frame, places = frame_of(batch_of(PLAN, stream(1)[1]))
    assert facts_of(plan, frame, places).distincts.is_empty()


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_what_dies_dies_at_the_same_millisecond(off: int) -> None:
    kinds = ("view", "cart", "buy", "identify")
    begun = [Event(f"a-{kind}", kind, NOON // DAY * DAY, "u", "i", "v", {"price": 1, "brand": "b"})
             for kind in kinds]  # fmt: skip
    ages = {(s.width, s.reach) for s in (*PLAN.families, *PLAN.distincts)}
    ages |= {(0, s.within) for s in PLAN.sequences} | {(0, PLAN.postings.within), (0, PLAN.reach)}
    for width, reach in sorted(ages):
        newest = Event("b", "ping", NOON // DAY * DAY + width + reach + off, "w")
        events = [*begun, newest]
        assert batch(events) == Model(PLAN, events).canonical(), (width, reach)
