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

from afresh import App, Features, count, daily, thompson, trending
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


def launching(counted: dict[str, tuple[int, int]], slots: int = 1, n: int = 4) -> Surfaces:
    """A shop that counts what it shows. counted: by item, how often it was shown and taken."""
    app = App("launching")
    view, impression = app.event("view"), app.event("impression", 0)

    class Pulse(Features, key="item_id"):
        shown = count(impression, window=daily(30))
        taken = count(view, window=daily(30))

    app._features = [Pulse]
    explore = thompson(slots, shown="shown", taken="taken")
    app.surface("home", sources=[trending("1h")], filters=[], n=n, explore=explore)
    replica = Replica(app.plan())
    replica.fold_items(b"\n".join(msgspec.json.encode({"item_id": i}) for i in counted), 0)
    events = [
        Event(f"{item}.{kind}.{at}", kind, START - 7_200_000 + at, "u", item)
        for item, (shown, taken) in counted.items()
        for kind, times in (("impression", shown), ("view", taken))
        for at in range(times)
    ]
    if events:
        replica.fold_events(batch_of(app.plan(), events), 0)
    return Surfaces(app.surfaces, replica)


def drawn(made: Surfaces, seeds: int = 1500) -> tuple[Counter[str], dict[str, float]]:
    """How often each item stood in the last place, and with which propensity."""
    last = [made.recommend(Query(), START + 100, seed=seed).items[-1] for seed in range(seeds)]
    assert all(item.sources == ["newcomers"] for item in last)
    return Counter(item.item_id for item in last), {i.item_id: i.propensity for i in last}


def test_what_is_taken_more_is_tried_more_and_the_propensities_are_true() -> None:
    counted = {"flop": (150, 0), "hit": (150, 15), "unsure": (10, 1), "new": (0, 0), "x": (150, 3)}
    seen, said = drawn(launching(counted, n=1))
    assert seen["hit"] + seen["unsure"] + seen["new"] > 1200
    assert seen["flop"] < 60
    for item, propensity in said.items():
        assert seen[item] / 1500 == pytest.approx(propensity, abs=0.05)
    assert sum(said.values()) == pytest.approx(1.0, abs=1e-4)


def test_what_was_shown_often_enough_leaves_the_pool() -> None:
    seen, _ = drawn(launching({"old": (200, 9), "loved": (9, 200), "new": (0, 0)}, n=1), 50)
    assert set(seen) == {"new"}


def test_slots_of_a_page_show_different_new_items() -> None:
    made = launching({f"i{n}": (n, n % 3) for n in range(9)}, slots=3, n=5)
    for seed in range(100):
        items = made.recommend(Query(), START + 100, seed=seed).items
        assert len({item.item_id for item in items}) == 5
        assert [i.sources == ["newcomers"] for i in items] == [False] * 2 + [True] * 3


def test_features_that_count_nothing_of_items_are_refused() -> None:
    app = App("wrong")
    app.event("view")
    app.surface("home", explore=thompson(1, shown="shwon", taken="taken"))
    said = [problem.message for problem in app.problems()]
    assert said == [
        "home explores by 'shwon', which counts nothing of items",
        "home explores by 'taken', which counts nothing of items",
    ]
