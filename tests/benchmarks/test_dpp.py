"""The greedy MAP that variety is held against, beside determinants worked out whole."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks._dpp import OWN, dpp
from hypothesis import given
from hypothesis import strategies as st

from afresh.arrange.diversity import alike

Item = tuple[int, int, float]
ITEM = st.tuples(st.integers(0, 2), st.integers(0, 3), st.floats(0, 1))


@given(st.lists(ITEM, min_size=1, max_size=9), st.sampled_from([0.0, 0.5, 0.9]))
def test_each_place_adds_most_to_the_volume(given_: list[Item], trade: float) -> None:
    scores = np.array([score for _, _, score in given_])
    likeness = alike([np.array([g[field] for g in given_], np.int64) for field in (0, 1)])
    kernel = (1 - OWN) * likeness + OWN * np.eye(len(scores))
    found = dpp(scores, likeness, len(scores), trade).tolist()
    assert sorted(found) == list(range(len(scores)))
    for place, row in enumerate(found):
        gains = {}
        for other in set(range(len(scores))) - set(found[:place]):
            volumes = [
                np.linalg.slogdet(kernel[np.ix_(rows, rows)])[1] if rows else 0.0
                for rows in (found[:place], [*found[:place], other])
            ]
            gains[other] = trade * scores[other] + (1 - trade) * (volumes[1] - volumes[0])
        assert gains[row] == pytest.approx(max(gains.values()), abs=1e-6)


def test_by_scores_alone_it_is_their_order() -> None:
    scores = np.array([0.1, 0.9, 0.5])
    assert dpp(scores, np.ones((3, 3)), 2, 1.0).tolist() == [1, 2]
