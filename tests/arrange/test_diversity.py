"""Maximal marginal relevance, against its formula written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from afresh.arrange.diversity import alike, mmr

EIGHTHS = st.integers(-8, 8).map(lambda n: n / 8)  # exact, so that ties are ties


def naive(scores: list[float], similarity: list[list[float]], n: int, weight: float) -> list[int]:
    taken: list[int] = []
    while len(taken) < min(n, len(scores)):
        left = [i for i in range(len(scores)) if i not in taken]
        gains = [
            weight * scores[i] - (1 - weight) * max((similarity[j][i] for j in taken), default=0.0)
            for i in left
        ]
        taken.append(left[gains.index(max(gains))])
    return taken


@given(st.data(), st.integers(0, 9), st.integers(0, 11), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_it_takes_what_the_formula_takes(
    data: st.DataObject, items: int, n: int, weight: float
) -> None:
    scores = data.draw(arrays(np.float64, items, elements=EIGHTHS))
    similarity = data.draw(arrays(np.float64, (items, items), elements=EIGHTHS))
    made = mmr(scores, similarity, n, weight)
    assert made.tolist() == naive(scores.tolist(), similarity.tolist(), n, weight)


def test_full_weight_keeps_the_order_of_the_scores() -> None:
    scores = np.array([0.5, 1.0, 0.25])
    assert mmr(scores, np.ones((3, 3)), 3, 1.0).tolist() == [1, 0, 2]


def test_an_item_like_the_first_gives_way_to_another_kind() -> None:
    scores = np.array([1.0, 0.9, 0.5])
    assert mmr(scores, alike([np.array([7, 7, 8])]), 3, 0.5).tolist() == [0, 2, 1]


def test_likeness_is_the_share_of_fields_that_agree() -> None:
    made = alike([np.array([1, 1, 2]), np.array([5, -1, -1])])
    assert made == pytest.approx(np.array([[1, 0.5, 0], [0.5, 0.5, 0], [0, 0, 0.5]]))
