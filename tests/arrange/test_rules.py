"""Caps and pins, against what is asked of them in words."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from afresh.arrange.rules import capped, placed

COLUMNS = st.lists(
    st.tuples(*[st.one_of(st.none(), st.integers(0, 3))] * 2), max_size=12
)  # two fields of up to twelve items


@given(COLUMNS, st.integers(1, 3), st.integers(1, 3))
def test_caps_take_all_that_fits_and_no_more(
    rows: list[tuple[int | None, ...]], first: int, second: int
) -> None:
    groups = []
    for column in range(2):
        values = [row[column] for row in rows]
        null = [value is None for value in values]
        groups.append(np.ma.masked_array([value or 0 for value in values], null))
    kept = capped(groups, [first, second])
    taken: list[tuple[int | None, ...]] = []
    for row, stays in zip(rows, kept, strict=True):
        full = any(
            row[c] is not None and sum(t[c] == row[c] for t in taken) >= most
            for c, most in enumerate((first, second))
        )
        assert stays == (not full)
        taken += [row] * bool(stays)


@given(
    st.integers(0, 12),
    st.sets(st.integers(0, 15)).map(lambda positions: {p: 100 + p for p in positions}),
    st.integers(1, 6),
    st.lists(st.integers(0, 4), max_size=8),
)
def test_pages_are_one_list_with_the_pins_put_in(
    organic: int, pins: dict[int, int], n: int, held_back: list[int]
) -> None:
    """held_back: how many a cap leaves for later, page by page."""
    expected = [(item, False) for item in range(organic)]
    for position in sorted(pins):
        expected.insert(position, (pins[position], True))
    shown: list[tuple[int, bool]] = []
    more = True
    while more:
        left = [i for i in range(organic) if (i, False) not in shown]
        held = min(held_back.pop(0), len(left) - 1) if held_back and left else 0
        due = {p: item for p, item in pins.items() if (item, True) not in shown}
        page, more = placed(left[: len(left) - held], due, len(shown), n, last=not held)
        assert len(page) == n or held or not more
        shown += page
    assert shown == expected
