"""What is remembered of an item's postings is what a look at them finds, whatever was folded."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.model import Event

from afresh import App
from afresh.features.engines.embedded import State
from afresh.retrieve.counted import BLOCK, Counted, counted_of
from afresh.retrieve.index import ends_of, index_of
from afresh.retrieve.sessions import rarity

HOUR = 3_600_000
START = 20_000 * 24 * HOUR
SHOP = App("shop", within="1h", postings_per_item=3)
SHOP.event("view")
PLAN = SHOP.plan()
ITEMS = [f"i{n}" for n in range(4)]

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(ITEMS),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([-HOUR, -1, 0, 1, 60_000]),
    ),
    max_size=6,
)


def looked(state: State, item: int, now: int) -> list[int]:
    """How many, the first and the last, from the list itself; all zero where there is none."""
    rows = state.postings.rows(state.facts, item, state.newest)
    times = [ts for ts in state.facts.ts[rows].tolist() if ts < now]
    return [len(times), times[0], times[-1]] if times else [0, 0, 0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(EVENTS, st.sampled_from([1, HOUR // 2, HOUR - 1, HOUR, 3 * HOUR]), st.booleans()),
        max_size=8,
    )
)
def test_it_is_what_a_look_at_the_lists_finds(
    told: list[tuple[list[tuple[str, str, int]], int, bool]],
) -> None:
    state, at, told_ = State(PLAN), START, 0
    for events, later, sweep in told:
        made = []
        for item, visit, offset in events:
            told_ += 1
            made.append(Event(f"e{told_}", "view", at + offset, None, item, visit))
        if made:
            state.fold(batch_of(PLAN, made))
        if sweep:
            state.sweep()
        at += later
        numbers = np.append(state.find("item_id", ITEMS), [-1, 1000])
        for now in (state.newest + 1, state.newest, state.newest + 5):
            found = ends_of(index_of(state, now), numbers)
            assert found.tolist() == [looked(state, int(n), now) for n in numbers]
            weights = rarity(index_of(state, now), numbers, 7.0)
            assert np.allclose(weights, np.log(1 + 7.0 / np.maximum(found[:, 0], 1)))
        safe = counted_of(state).safe(state.newest - HOUR)
        assert (state.facts.ts[safe : state.facts.used] > state.newest - HOUR).all()


def test_beyond_a_safe_row_nothing_is_too_old() -> None:
    state, counted = State(PLAN), Counted()
    n = 3 * BLOCK
    ts = START + np.arange(n)
    ts[BLOCK + 5] = START - 10  # one that came late
    visits = [Event(f"e{k}", "view", int(t), None, "i0", f"v{k}") for k, t in enumerate(ts)]
    for first in (0, BLOCK // 2, 2 * BLOCK):
        last = {0: BLOCK // 2, BLOCK // 2: 2 * BLOCK, 2 * BLOCK: n}[first]
        state.fold(batch_of(PLAN, visits[first:last]))
        counted.follow(state)
    assert counted.safe(START - 11) == 0
    late = int(np.flatnonzero(state.facts.ts[:n] == START - 10)[0])
    assert late < counted.safe(START - 10) <= 2 * BLOCK
    assert counted.safe(START + n) == n
