"""Values at the borders of windows equal the model's, computed from the events themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.events_made import WIDTHS, deliveries, histories
from tests.everything import app
from tests.model import Event, Model

from afresh.features.engines.embedded import State
from afresh.features.plan import Plan
from afresh.features.reading import Reader

PLAN = app.plan()


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[Event], list[list[Event]], int]:
    """Events, their delivery, and a moment after them: any, or a border of some tile ±1 ms."""
    events = draw(histories())
    newest = max(event.ts for event in events)
    ages = [*WIDTHS, *(family.reach for family in PLAN.families), 600_000, 120_000]
    width = draw(st.sampled_from(ages))
    tile = draw(st.sampled_from([family.width for family in PLAN.families]))
    moment = draw(
        st.sampled_from(
            [
                newest + 1,
                (newest // width + 1) * width,
                newest + width,
                (newest + width) // tile * tile,
                draw(st.sampled_from(events)).ts + width,
            ]
        )
    )
    return events, draw(deliveries(events)), max(newest + 1, moment + draw(st.integers(-1, 1)))


def check(question: tuple[list[Event], list[list[Event]], int]) -> None:
    events, batches, now = question
    state = State(PLAN)
    for batch in batches:
        state.fold(batch_of(PLAN, batch))
    compare(PLAN, Reader(state), events, now)


def compare(plan: Plan, reader: Reader, events: Sequence[Event], now: int) -> None:
    """Every feature of every entity."""
    model = Model(plan, events)
    for key in {feature.key for feature in plan.features}:
        features = [feature for feature in plan.features if feature.key == key]
        for name in {model.key(event, key) for event in events} - {None}:
            asked = spoken(key, name, events)
            if asked is None:
                continue
            (row,) = reader.values(key, [asked], features, now)
            for feature in features:
                wanted = model.value(feature, name, now)
                got = row[feature.name]
                assert same(got, wanted), (key, name, feature.name, now, got, wanted)


def spoken(key: str, name: str, events: Sequence[Event]) -> str | None:
    """An entity as a caller names it; None for a session whose name a user has taken."""
    if key == "session_id":
        return name[2:]
    if key != "user_id" or name.startswith("u:"):
        return name.removeprefix("u:") if key == "user_id" else name
    return None if any(event.user == name for event in events) else name


def same(got: object, wanted: object) -> bool:
    if isinstance(wanted, dict):
        assert isinstance(got, dict)
        said = {"" if group is None else group: value for group, value in wanted.items()}
        return got.keys() == said.keys() and all(same(got[g], said[g]) for g in said)
    if wanted is None or isinstance(wanted, list):
        return got == wanted
    return got is not None and np.float32(got) == np.float32(wanted)  # type: ignore[arg-type]


@settings(max_examples=60)
@given(questions())
def test_values_equal_the_model(question) -> None:  # type: ignore[no-untyped-def]
    check(question)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@settings(max_examples=3000)
@given(questions())
def test_the_same_for_many_more(question) -> None:  # type: ignore[no-untyped-def]
    check(question)
