"""Slots for what few have seen: drawn by a seed, their probability said, nothing shown twice."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.model import Event

from afresh import App, trending
from afresh.arrange.cursor import Shown
from afresh.arrange.rules import Pin, Rules
from afresh.store.replica import Replica
from afresh.surface import Query, Surfaces

START = 1_700_000_000_000


def surfaces(slots: int, items: int = 12, n: int = 5) -> Surfaces:
    app = App("exploring")
    app.event("view")
    app.surface("home", sources=[trending("1h")], filters=[], n=n, explore=slots)
    replica = Replica(app.plan())
    records = [msgspec.json.encode({"item_id": f"i{at}"}) for at in range(items)]
    replica.fold_items(b"\n".join(records), 0)
    events = [Event(f"e{at}", "view", START + at, "u", f"i{at % 6}") for at in range(30)]
    replica.fold_events(batch_of(app.plan(), events), 0)
    return Surfaces(app.surfaces, replica)


@settings(max_examples=60)
@given(st.integers(0, 5), st.integers(1, 12), st.integers(1, 8), st.integers(0, 99), st.booleans())
def test_slots_stand_last_and_nothing_comes_twice(
    slots: int, items: int, n: int, seed: int, pin: bool
) -> None:
    made = surfaces(min(slots, n), items, n)
    rules = Rules(exclude=["i7"], pin=[Pin(item_id="i0", position=0)] if pin else [])
    answer = made.recommend(Query(rules=rules), START + 100, seed=seed)
    shown = [item.item_id for item in answer.items]
    assert len(set(shown)) == len(shown) == min(n, items if items <= 7 else items - 1)
    assert "i7" not in shown
    assert not pin or shown[0] == "i0"
    drawn = [at for at, item in enumerate(answer.items) if item.sources == ["newcomers"]]
    assert all(0 < answer.items[at].propensity <= 1 for at in drawn)
    assert drawn == list(range(len(shown) - len(drawn), len(shown)))
    assert len(drawn) <= slots


def test_the_same_seed_draws_the_same_and_propensities_are_what_happens() -> None:
    made = surfaces(1)
    answers = [made.recommend(Query(), START + 100, seed=seed).items[-1] for seed in range(2000)]
    again = made.recommend(Query(), START + 100, seed=7).items[-1]
    assert again == answers[7]
    said = {item.item_id: item.propensity for item in answers}
    for item, times in Counter(item.item_id for item in answers).items():
        assert times / 2000 == pytest.approx(said[item], abs=0.04)


@pytest.mark.parametrize("taken", [(4,), (3, 4), (0, 4), (2, 3)])
def test_what_is_drawn_makes_room_for_pins(taken: tuple[int, ...]) -> None:
    made = surfaces(2)
    pins = [Pin(item_id=f"i{at}", position=position) for at, position in enumerate(taken)]
    answer = made.recommend(Query(rules=Rules(pin=pins)), START + 100, seed=3)
    sources = [item.sources[0] for item in answer.items]
    assert [at for at, source in enumerate(sources) if source == "pinned"] == list(taken)
    free = [at for at in range(5) if at not in taken]
    assert [at for at, source in enumerate(sources) if source == "newcomers"] == free[-2:]


def test_what_is_drawn_and_pinned_is_pinned() -> None:
    made = surfaces(5, items=11)
    answer = made.recommend(
        Query(rules=Rules(pin=[Pin(item_id="i10", position=0)])), START + 100, seed=3
    )
    assert answer.items[0].sources == ["pinned"]
    assert len({item.item_id for item in answer.items}) == 5


def test_later_pages_explore_nothing() -> None:
    made = surfaces(3)
    answer = made.recommend(Query(), START + 100, Shown(np.array([1], np.uint64)), 3)
    assert all(item.sources != ["newcomers"] for item in answer.items)
