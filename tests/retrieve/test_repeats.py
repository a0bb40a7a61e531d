"""Own repeats: what comes back, and when it is due."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.model import Event

from afresh import App
from afresh.features.engines.embedded import State
from afresh.retrieve import Workspace
from afresh.retrieve.repeats import DAY_MS, OCCASION_MS, repeats

SHOP = App("shop")
SHOP.events("view", "buy", weights=[1, 10])
PLAN = SHOP.plan()
START = 20_000 * DAY_MS


def state_of(*said: tuple[str, str, int], person: str = "u") -> State:
    """(type, item, ms after START), all of one person."""
    state = State(PLAN)
    made = [Event(f"{n:03}", k, START + at, person, i) for n, (k, i, at) in enumerate(said)]
    state.fold(batch_of(PLAN, made))
    return state


def due(state: State, at: int, person: str = "u") -> dict[str, float]:
    party = int(state.find("user_id", [person])[0])
    found = repeats(state, party, START + at, Workspace()).found
    return dict(zip(state.items.texts(found.items), found.scores.tolist(), strict=True))


def bought(item: str, *days: float) -> list[tuple[str, str, int]]:
    return [("buy", item, int(day * DAY_MS)) for day in days]


def test_what_is_due_stands_before_what_was_just_bought_and_what_was_given_up() -> None:
    state = state_of(*bought("milk", 0, 4, 8, 12), *bought("old", 0, 1, 2, 3), *bought("once", 5))
    assert list(due(state, 16 * DAY_MS)) == ["milk", "old", "once"]
    just, given_up = due(state, 12 * DAY_MS + 1), due(state, 100 * DAY_MS)
    assert just["milk"] < 0.9 * due(state, 16 * DAY_MS)["milk"]
    assert given_up["old"] < 0.3 * due(state, 4 * DAY_MS)["old"]


def test_of_what_was_taken_once_that_comes_first_which_others_take_often() -> None:
    mine = [Event(f"m{i}", "buy", START, "u", i) for i in ("rare", "staple")]
    others = [Event(f"o{n}", "buy", START + n, f"p{n}", "staple") for n in range(5)]
    state = State(PLAN)
    state.fold(batch_of(PLAN, [*mine, *others]))
    found = due(state, 10 * DAY_MS)
    assert list(found) == ["staple", "rare"]
    assert found["staple"] / found["rare"] == pytest.approx(7 / 2)  # events and one
    assert found["staple"] < due(state_of(*bought("tea", 0, 5)), 10 * DAY_MS)["tea"]
    party = int(state.find("user_id", ["u"])[0])
    assert repeats(state, party, START + 10 * DAY_MS, Workspace()).every.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("other", [1.0, 5.0, 9.0, 11.0, 15.0, 60.0])
def test_the_score_is_greatest_when_the_mean_gap_has_passed(other: float) -> None:
    state = state_of(*bought("tea", 0, 10, 20))
    at_gap = due(state, 30 * DAY_MS)["tea"]
    assert due(state, 20 * DAY_MS + int(other * DAY_MS))["tea"] < at_gap


def test_only_the_heaviest_events_count_or_those_said() -> None:
    state = state_of(("view", "tea", 0), ("view", "tea", DAY_MS), *bought("milk", 0, 1))
    assert list(due(state, 3 * DAY_MS)) == ["milk"]
    party = int(state.find("user_id", ["u"])[0])
    views = np.zeros(256, np.bool_)
    views[0] = True
    found = repeats(state, party, START + 3 * DAY_MS, Workspace(), views)
    assert state.items.texts(found.found.items) == ["tea"]
    assert found.every.tolist() == [DAY_MS]


@pytest.mark.parametrize(("apart", "again"), [
    (OCCASION_MS - 1, False), (OCCASION_MS, True), (OCCASION_MS + 1, True),
])  # fmt: skip
def test_events_close_together_are_one_occasion(apart: int, again: bool) -> None:
    state = state_of(("buy", "tea", 0), ("buy", "tea", apart))
    party = int(state.find("user_id", ["u"])[0])
    assert bool(repeats(state, party, START + DAY_MS, Workspace()).every[0]) is again


def test_the_future_and_other_people_do_not_count() -> None:
    state = state_of(*bought("tea", 0, 5))
    assert due(state, 0) == {}
    at_first, again = due(state, 5 * DAY_MS), due(state, 5 * DAY_MS + 1)
    assert at_first["tea"] == pytest.approx(0.1 / 35)
    assert again["tea"] == pytest.approx(1.1 / (5 + 10 + 30))
    assert due(state, 9 * DAY_MS, "somebody") == {}


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 200)), max_size=40),
    st.lists(st.sampled_from("abc"), max_size=20),
)
def test_rates_are_those_of_the_formula(said: list[tuple[str, int]], others: list[str]) -> None:
    hours = sorted(said, key=lambda pair: pair[1])
    mine = [("u", item, hour * OCCASION_MS // 2) for item, hour in hours]
    events = [*mine, *((f"p{n}", item, n) for n, item in enumerate(others))]
    state = State(PLAN)
    made = [Event(f"{n:03}", "buy", START + at, u, i) for n, (u, i, at) in enumerate(events)]
    state.fold(batch_of(PLAN, made))
    own = {item for item, _ in said}
    taken = {item: 1 + sum(item == name for _, name, _ in events) for item in own}
    now, expected = 40 * DAY_MS, {}
    for item in own:
        times = [hour * OCCASION_MS // 2 for name, hour in hours if name == item]
        k = sum(b - a >= OCCASION_MS for a, b in pairwise(times))
        span, since = times[-1] - times[0] if k else 0, now - times[-1]
        away = 2 * abs(span / k - since) if k and since < 2 * span / k else since
        prior = 0.1 * taken[item] / (sum(taken.values()) / len(own))
        expected[item] = (k + prior) / (span + away + 30 * DAY_MS) * DAY_MS
    assert (due(state, now) if own else {}) == pytest.approx(expected)
