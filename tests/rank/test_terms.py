"""The terms of a candidate, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.batches import batch_of
from tests.model import Event

from afresh import App
from afresh.features.engines.embedded import State
from afresh.rank.terms import DAY_MS, HOUR_MS, SHARED, terms
from afresh.retrieve import Context
from afresh.retrieve.scans import SCANS, Scanned, Scans

SHOP = App("shop")
SHOP.event("view")
PLAN = SHOP.plan()
NOW = 20_000 * DAY_MS


def state_of(*said: tuple[str, str, int]) -> State:
    """(session, item, ms before NOW) as views."""
    events = [Event(f"{n}", "view", NOW - ago, None, i, s) for n, (s, i, ago) in enumerate(said)]
    state = State(PLAN)
    state.fold(batch_of(PLAN, events))
    return state


def rows(state: State, visit: list[str], items: list[str]) -> dict[str, dict[str, float]]:
    """Terms by item and name, for candidates that no scan scored."""
    numbers, said = state.find("item_id", items), state.find("item_id", visit)
    nothing = np.zeros((len(items), len(SCANS)))
    scanned = Scanned(numbers, nothing, np.zeros(len(SCANS)), np.zeros(len(items)))
    found = terms(state, Context(said, said[:0], NOW, said), scanned)
    assert found.shape == (len(items), len(SHARED))
    return {
        item: dict(zip(SHARED, row.tolist(), strict=True))
        for item, row in zip(items, found, strict=True)
    }


def test_where_a_candidate_stands_in_this_session() -> None:
    state = state_of(*((f"v{n}", f"i{n}", 5) for n in range(8)))
    visit = ["i0", "i1", "i0", "i2", "i3", "i4", "i0"]
    names = ("latest item", "the one before", "3 to 5 back", "further back")
    found = rows(state, visit, ["i0", "i1", "i2", "i3", "i4", "i7"])
    places = {item: [row[name] for name in names] for item, row in found.items()}
    assert places == {
        "i0": [1, 0, 0, 0],
        "i1": [0, 1, 0, 0],
        "i2": [0, 0, 1, 0],
        "i3": [0, 0, 1, 0],
        "i4": [0, 0, 0, 1],
        "i7": [0, 0, 0, 0],
    }
    times = {item: row["times in this session"] for item, row in found.items()}
    assert times["i0"] == pytest.approx(math.log(4))
    assert times["i1"] == pytest.approx(math.log(2))
    assert times["i7"] == 0


@pytest.mark.parametrize(("ago", "day", "week"), [
    (DAY_MS - 1, 1, 1), (DAY_MS, 1, 1), (DAY_MS + 1, 0, 1), (7 * DAY_MS, 0, 1),
    (7 * DAY_MS + 1, 0, 0),
])  # fmt: skip
def test_how_often_and_since_when(ago: int, day: int, week: int) -> None:
    state = state_of(("a", "i1", ago), ("b", "i1", 20 * DAY_MS), ("c", "i2", 1))
    row = rows(state, [], ["i1"])["i1"]
    assert row["events"] == pytest.approx(math.log(3) / 6)
    assert row["events in a day"] == pytest.approx(math.log1p(day) / 3)
    assert row["events in a week"] == pytest.approx(math.log1p(week) / 4)
    assert row["trend"] == pytest.approx(week / 7)
    assert row["hours since the last event"] == pytest.approx(math.log1p(ago / HOUR_MS) / 8)
    first = math.log1p(20 * DAY_MS / HOUR_MS) / 8
    assert row["hours since the first event"] == pytest.approx(first)


def test_shares_logarithms_cosine_and_crossed_terms() -> None:
    state = state_of(("a", "i1", 9), ("a", "i2", 8), ("b", "i1", 7), ("b", "i2", 6), ("b", "i3", 5))
    said = state.find("item_id", ["i1"])
    context = Context(said, said[:0], NOW, said)
    scanned = Scans()(state, context)
    found = terms(state, context, scanned)
    best = scanned.items.tolist().index(int(state.find("item_id", ["i2"])[0]))
    row = dict(zip(SHARED, found[best].tolist(), strict=True))
    assert row["next item"] == 1.0
    assert row["log next item"] == pytest.approx(math.log(1.01) / 4.6 + 1)
    assert row["cosine to the latest item"] == pytest.approx(2 / 3)
    common = math.log(3) / 6
    assert row["rules × events of the latest item"] == pytest.approx(common * row["rules"])
    assert row["next item × length of this session"] == pytest.approx(0.1)
    assert row["events × events of the latest item"] == pytest.approx(common * row["events"])
    long = math.log(2) / 3
    assert row["events × log length of this session"] == pytest.approx(long * row["events"])
    hops = row["two hops by rules"]
    assert row["two hops × log length of this session"] == pytest.approx(long * hops)


def test_what_happened_from_now_on_shows_in_no_term() -> None:
    events = [("a", "i1", 9), ("a", "i2", 8), ("b", "i1", 7), ("b", "i3", 6)]
    later = [("c", "i1", 0), ("c", "i2", -1), ("b", "i2", -5)]
    found = []
    for said in (events, [*events, *later]):
        state = state_of(*said)
        item = state.find("item_id", ["i1"])
        context = Context(item, item[:0], NOW, item)
        scanned = Scans()(state, context)
        found.append((scanned.items.tolist(), terms(state, context, scanned)))
    assert found[0][0] == found[1][0]
    # The rarity of an item knows how many parties there are; all else is as of then.
    assert found[0][1] == pytest.approx(found[1][1], abs=0.05)
