"""The n best by a heap."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from afresh.retrieve.top import highest, top


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), max_size=60), st.integers(0, 70))
def test_it_is_the_head_of_the_sorted_whole(values: list[float], n: int) -> None:
    keys = np.random.default_rng(len(values)).permutation(len(values))
    expected = sorted(range(len(values)), key=lambda row: (-values[row], keys[row]))[:n]
    assert top(np.array(values), keys, n).tolist() == expected


ODD = [0.0, -0.0, 1.0, 1e-300, -1e300, 1e300, float("inf"), float("-inf"), 5e-324]


@given(
    st.lists(st.sampled_from(ODD) | st.floats(-1, 1, width=32), min_size=1, max_size=80),
    st.integers(1, 10),
)
def test_of_many_the_highest_bins_hold_the_best_and_all_their_equals(
    values: list[float], n: int
) -> None:
    given_ = np.array(values)
    n = min(n, len(values))
    rows = highest(given_, n)
    assert (np.diff(rows) > 0).all()
    border = sorted(values, reverse=True)[n - 1]
    assert set(np.flatnonzero(given_ >= border)) <= set(rows.tolist())
    keys = np.arange(len(values))[::-1].copy()
    expected = sorted(range(len(values)), key=lambda row: (-values[row], keys[row]))[:n]
    assert top(given_, keys, n).tolist() == expected


def test_what_is_no_number_is_left_to_the_heap() -> None:
    assert highest(np.array([1.0, np.nan, 2.0]), 1).tolist() == [0, 1, 2]
