"""The best of a source, and who goes first among equals."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from afresh.retrieve import best


@given(
    st.dictionaries(st.integers(0, 50), st.sampled_from([0.5, 1.0, 1.5, 2.0]), max_size=40),
    st.integers(1, 45),
)
def test_the_best_are_the_best_and_ties_go_to_the_lower_number(
    scores: dict[int, float], n: int
) -> None:
    given_items = np.array(list(scores), np.int64)
    found = best(given_items, np.array(list(scores.values()), np.float64), n)
    expected = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:n]
    assert list(zip(found.items.tolist(), found.scores.tolist(), strict=True)) == expected
