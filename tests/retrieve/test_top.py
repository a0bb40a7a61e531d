"""The n best by a heap."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from afresh.retrieve.top import top


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), max_size=60), st.integers(0, 70))
def test_it_is_the_head_of_the_sorted_whole(values: list[float], n: int) -> None:
    keys = np.random.default_rng(len(values)).permutation(len(values))
    expected = sorted(range(len(values)), key=lambda row: (-values[row], keys[row]))[:n]
    assert top(np.array(values), keys, n).tolist() == expected
