"""The head of a list is the same, however much of it is put in order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from afresh.arrange.listed import Listed

SCORES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), max_size=60)


@given(SCORES, st.integers(0, 70), st.integers(0, 2**32))
def test_the_most_wanted_are_the_head_of_the_whole(
    given_: list[float], most: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scores, items = np.array(given_), rng.permutation(len(given_))
    kept = rng.random(len(given_)) < 0.7
    whole, head = Listed.of(items, scores, kept), Listed.of(items, scores, kept, most)
    order = sorted(np.flatnonzero(kept).tolist(), key=lambda row: (-scores[row], items[row]))
    assert whole.rows.tolist() == order
    assert head.rows.tolist() == order[:most]
    assert head.items.tolist() == items[order[:most]].tolist()
