"""Where items stand among others, asked of an array by item number."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.retrieve.slow import PLAN

from afresh.features.engines.embedded import State
from afresh.retrieve import Workspace, without

NUMBERS = st.lists(st.integers(-1, 9), max_size=12)


def space() -> Workspace:
    state, made = State(PLAN), Workspace()
    state.items.intern(b"\0".join(b"i%d" % n for n in range(10)), 10)
    made.fit(state)
    return made


@given(NUMBERS.map(lambda given: list(dict.fromkeys(given))), NUMBERS)
def test_rows_say_where_each_stands_and_leave_no_mark(items: list[int], wanted: list[int]) -> None:
    held = space()
    for _ in range(2):
        rows = held.rows(np.array(items, np.int64), np.array(wanted, np.int64))
        known = [items.index(w) if w >= 0 and w in items else -1 for w in wanted]
        assert rows.tolist() == known
    assert (held.row == -1).all()


@given(NUMBERS, NUMBERS, st.integers(0, 13))
def test_the_first_that_are_none_of_the_others(items: list[int], gone: list[int], n: int) -> None:
    scores = np.arange(len(items)) + 0.5
    found = without(np.array(items, np.int64), scores, np.array(gone, np.int64), n)
    right = [(item, at + 0.5) for at, item in enumerate(items) if item not in gone][:n]
    assert list(zip(found[0].tolist(), found[1].tolist(), strict=True)) == right
