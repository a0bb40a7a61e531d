"""Event ids of every shape: kept exactly, ordered by their bytes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.events_made import IDS
from tests.everything import app
from tests.model import Event

from afresh.features.engines.embedded import State

PLAN = app.plan()


@settings(max_examples=100)
@given(st.lists(IDS, min_size=1, max_size=12, unique=True), st.data())
def test_ids_are_kept_and_ordered_by_bytes(ids: list[str], data: st.DataObject) -> None:
    state = State(PLAN)
    cut = data.draw(st.integers(0, len(ids)))
    for part in (ids[:cut], ids[cut:]):
        state.fold(batch_of(PLAN, [Event(i, "buy", 10**12, "u", "i", "s") for i in part]))
    rows = state.postings.rows(state.facts, 0, state.newest)
    newest = sorted(ids, key=str.encode)[-PLAN.postings.per_item :]
    assert [state.facts.event_id(int(row)) for row in rows] == newest
    state.sweep()
    rows = state.postings.rows(state.facts, 0, state.newest)
    assert [state.facts.event_id(int(row)) for row in rows] == newest


def test_events_that_no_list_wants_take_no_room() -> None:
    state = State(PLAN)
    for n in range(200):
        names = [f"an id of more than sixteen bytes {n} {k}" for k in range(50)]
        state.fold(batch_of(PLAN, [Event(i, "ping", 10**12, "u", "i") for i in names]))
    assert state.facts.used == 0
    assert state.facts.arena_used == 0
