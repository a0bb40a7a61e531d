"""A state that is made of another one's facts is that state."""

from __future__ import annotations

from hypothesis import given
from tests.batches import batch_of
from tests.events_made import histories
from tests.everything import app
from tests.model import Event

from afresh.features.canonical import canonical, facts_of
from afresh.features.engines.embedded import State
from afresh.features.from_facts import state_of

PLAN = app.plan()


@given(histories())
def test_facts_make_the_state_again(events: list[Event]) -> None:
    state = State(PLAN)
    state.fold(batch_of(PLAN, events))
    again = state_of(PLAN, state.newest, facts_of(state))
    assert canonical(again) == canonical(state)
