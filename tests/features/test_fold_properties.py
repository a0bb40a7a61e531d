"""Order, batching, sweeping, snapshots leave no trace in the state."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.events_made import deliveries, histories
from tests.everything import app
from tests.model import Event, Model

from afresh.features.canonical import canonical
from afresh.features.dump import dump_state, restore_state
from afresh.features.engines.embedded import State
from afresh.features.plan import Plan

FEW = settings(max_examples=60)
MANY = settings(max_examples=3000)
PLAN = app.plan()


def restarted(state: State) -> State:
    """The state as a snapshot would bring it back."""
    facts, arrays = dump_state(state)
    fresh = State(state.plan)
    restore_state(fresh, facts, {name: array.copy() for name, array in arrays.items()})
    return fresh


def folded(plan: Plan, batches: list[list[Event]], acts: list[str]) -> State:
    """Fold batches, with something done to the state before each."""
    state = State(plan)
    for batch, act in zip(batches, acts, strict=False):
        if act == "sweep":
            state.sweep()
        elif act == "restart":
            state = restarted(state)
        state.fold(batch_of(plan, batch))
    return state


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[Event], list[list[Event]], list[str]]:
    events = draw(histories())
    batches = draw(deliveries(events))
    acts = draw(st.lists(st.sampled_from(["", "sweep", "restart"]), min_size=9, max_size=9))
    return events, batches, acts


def check(run: tuple[list[Event], list[list[Event]], list[str]]) -> None:
    events, batches, acts = run
    wanted = Model(PLAN, events).canonical()
    state = folded(PLAN, batches, acts)
    assert canonical(state) == wanted
    state.sweep()
    assert canonical(state) == wanted
    assert canonical(restarted(state)) == wanted


@FEW
@given(runs())
def test_any_order_batching_sweep_and_restart_give_the_model_bytes(run) -> None:  # type: ignore[no-untyped-def]
    check(run)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@MANY
@given(runs())
def test_the_same_for_many_more(run) -> None:  # type: ignore[no-untyped-def]
    check(run)
