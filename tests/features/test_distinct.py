"""Distinct values: exact below k, an estimate from there on, whatever the order."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.events_made import deliveries, histories
from tests.everything import app as everything
from tests.features.test_fold_properties import restarted
from tests.features.test_reader_borders import compare
from tests.model import Event, Model

from afresh import App, Features, count, daily, decayed, distinct, ratio, sliding
from afresh.errors import DefinitionError
from afresh.features import forgetting
from afresh.features.canonical import canonical
from afresh.features.definition import DeclaredClass
from afresh.features.describe import describe_plan
from afresh.features.engines.embedded import State
from afresh.features.forgetting import forget_names
from afresh.features.plan import Plan
from afresh.features.reading import Reader
from afresh.features.value_hashes import value_hash

NOON = 20_000 * 86_400_000 + 43_200_000
HOUR = 3_600_000


def smaller(plan: Plan, k: int) -> Plan:
    """A plan whose sketches are full after k values."""
    few = tuple(msgspec.structs.replace(spec, k=k) for spec in plan.distincts)
    return msgspec.structs.replace(plan, distincts=few)


def shop(**made: Any) -> Plan:
    app = App("shop", features=[])
    view = app.event("view", brand=str)
    buy = app.event("buy", brand=str)
    attributes = {name: make(view, buy) for name, make in made.items() if name != "key"}
    key = made.get("key", "item_id")
    app._features = [DeclaredClass("Seen", (Features,), attributes, key=key)]
    return app.plan()


HOURLY = shop(people=lambda view, buy: distinct(view.user_id, window=sliding("1h")))


def people(plan: Plan, events: Sequence[Event], now: int) -> Any:
    state = State(plan)
    state.fold(batch_of(plan, events))
    (row,) = Reader(state).values("item_id", ["i"], list(plan.features), now)
    return row["people"]


def views(n: int, *, ago: int = 0) -> list[Event]:
    return [Event(f"{ago}e{u}", "view", NOON - ago - u % 7, f"u{u}", "i") for u in range(n)]


@settings(max_examples=60)
@given(histories(), st.data(), st.sampled_from([2, 3, 5]))
def test_full_sketches_equal_the_model_however_events_come(
    events: list[Event], data: st.DataObject, k: int
) -> None:
    plan = smaller(everything.plan(), k)
    wanted, state = Model(plan, events), State(plan)
    for batch in data.draw(deliveries(events)):
        act = data.draw(st.sampled_from(["", "sweep", "restart", "again"]))
        if act == "sweep":
            state.sweep()
        elif act == "restart":
            state = restarted(state)
        state.fold(batch_of(plan, batch))
    assert canonical(state) == wanted.canonical()
    compare(plan, Reader(state), events, wanted.newest + data.draw(st.sampled_from([1, HOUR])))


@pytest.mark.parametrize("n", [0, 1, 254, 255])
def test_below_k_it_is_exact(n: int) -> None:
    assert people(HOURLY, [*views(n), *views(n, ago=60_000)], NOON + 1) == n


@pytest.mark.parametrize("n", [256, 257, 2_000, 30_000])
def test_from_k_on_it_is_close(n: int) -> None:
    # Names and hashes are fixed, so this either holds or does not.
    assert people(HOURLY, views(n), NOON + 1) == pytest.approx(n, rel=0.13)


def test_tiles_together_are_as_one_sketch_of_all() -> None:
    events = [e for part in range(9) for e in views(200 + 90 * part, ago=part * 350_000)]
    tiles, whole = people(HOURLY, events, NOON + 1), views(200 + 90 * 8)
    assert tiles == people(HOURLY, whole, NOON + 1)


def test_a_repeated_value_counts_once_and_an_absent_one_not_at_all() -> None:
    events = [Event(f"e{n}", "view", NOON - n * 60_000, f"u{n % 2}", "i") for n in range(20)]
    brands = shop(people=lambda view, buy: distinct(view.brand, buy.brand, window=daily(1)))
    assert people(HOURLY, events, NOON + 1) == 2
    assert people(brands, events, NOON + 1) == 0
    told = Event("b", "buy", NOON, "u", "i", fields={"brand": "red"})
    other = Event("c", "view", NOON, "u", "i", fields={"brand": "blue"})
    assert people(brands, [*events, told, other], NOON + 1) == 2


def test_a_session_of_nobody_is_somebody_and_one_of_a_user_is_not() -> None:
    events = [
        Event("a", "view", NOON, "u", "i", "v"),
        Event("b", "view", NOON, "u", "i", "w"),
        Event("c", "view", NOON, None, "i", "u"),
    ]
    assert people(HOURLY, events, NOON + 1) == 2


def test_what_a_linked_session_saw_counts_for_the_user_once() -> None:
    plan = shop(key="user_id", things=lambda view, buy: distinct(view.item_id, window=daily(1)))
    events = [
        Event("a", "view", NOON, "u", "i"),
        Event("b", "view", NOON, None, "i", "v"),
        Event("c", "view", NOON, None, "j", "v"),
        Event("d", "identify", NOON, "u", None, "v"),
    ]
    state = State(plan)
    state.fold(batch_of(plan, events))
    rows = Reader(state).values("user_id", ["u", "w"], list(plan.features), NOON + 1)
    assert [row["things"] for row in rows] == [2, 0]


def test_the_hash_is_the_same_everywhere() -> None:
    assert value_hash(b"i1") + 2**63 == int(sha256(b"i1").hexdigest()[:16], 16)


def test_names_that_were_numbered_anew_keep_their_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "SLACK", -100)
    day = 86_400_000
    state, late = State(HOURLY), views(9)
    # Days ago others were first: their numbers fall to those of today.
    old = [Event(f"o{n}", "view", NOON - 99 * day, f"old{n}", "i") for n in range(30)]
    state.fold(batch_of(HOURLY, old))
    state.fold(batch_of(HOURLY, late[:5]))
    state.sweep()
    forget_names(state, np.zeros(len(state.items), np.bool_))
    assert len(state.parties) < 30
    state.fold(batch_of(HOURLY, late[5:]))
    again = [Event(f"x{e.id}", "view", e.ts, e.user, "i") for e in late]
    state.fold(batch_of(HOURLY, again))
    assert canonical(state) == Model(HOURLY, [*old, *late, *again]).canonical()


def test_a_plan_says_what_it_keeps() -> None:
    said = describe_plan(HOURLY)
    assert "width 1m    reach 1h     user_id, the 256 least hashes, of view" in said
    assert 'Seen.people                      item_id      distinct sliding("1h", hop="1m")' in said


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda view, buy: distinct(view.user_id, window=decayed("1h")), "cannot be decayed"),
        (lambda view, buy: distinct(view.item_id, window=daily(1)), "nothing to count"),
        (lambda view, buy: distinct(view.value, window=daily(1)), "no field 'value'"),
        (lambda view, buy: distinct(view.user_di, window=daily(1)), "no field 'user_di'"),
        (lambda view, buy: distinct(window=daily(1)), "No event type"),
        (
            lambda view, buy: ratio(
                distinct(view.user_id, window=daily(1)), count(buy, window=daily(1))
            ),
            "A ratio of a distinct",
        ),
    ],
)
def test_what_cannot_be_counted_is_said(make: Any, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        shop(people=make)
