"""Thompson sampling: the chances are those of drawing a rate for each and taking the greatest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.retrieve.exploration import drawn
from afresh.retrieve.thompson import PRIOR_SHOWN, chances

COUNTS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 60)), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("shown", "taken"),
    [
        ((0, 0, 0, 0), (0, 0, 0, 0)),
        ((100, 100, 100), (1, 5, 6)),
        ((190, 20, 0), (30, 1, 0)),
        ((50, 60, 10, 5, 0), (2, 5, 1, 0, 0)),
        ((3, 3, 150), (2, 0, 80)),
    ],
)
def test_chances_are_the_frequencies_of_draws(shown: tuple[int], taken: tuple[int]) -> None:
    s, t = np.array(shown, float), np.array(taken, float)
    rate = (t.sum() + 1) / (s.sum() + PRIOR_SHOWN)
    rates = np.random.default_rng(0).gamma(1 + t, 1 / (1 / rate + s), (100_000, len(s)))
    frequency = np.bincount(rates.argmax(axis=1), minlength=len(s)) / len(rates)
    assert chances(s, t, floor=0.0) == pytest.approx(frequency, abs=0.01)


@given(COUNTS)
def test_everything_has_a_chance_and_more_taken_is_no_less(counts: list[tuple[int, int]]) -> None:
    s, t = np.array(counts, float).T
    p = chances(s, t)
    assert p.sum() == pytest.approx(1.0)
    assert (p >= 0.05 / len(p) * 0.999).all()
    for i in range(len(p)):
        better = (s == s[i]) & (t > t[i])
        assert (p[better] >= p[i] - 1e-9).all()


@given(COUNTS, st.integers(0, 6), st.integers(0, 2**63))
def test_draws_are_of_the_pool_and_stand_once(
    counts: list[tuple[int, int]], slots: int, seed: int
) -> None:
    s, t = np.array(counts, float).T
    items = np.arange(50, 50 + len(s))
    found = drawn(items, chances(s, t), slots, seed)
    assert len(found.items) == len(found.propensities) == min(slots, len(s))
    assert len(set(found.items.tolist())) == len(found.items)
    assert set(found.items.tolist()) <= set(items.tolist())
    assert ((found.propensities > 0) & (found.propensities <= 1 + 1e-12)).all()


def test_propensities_of_two_slots_are_the_frequencies() -> None:
    items, p = np.arange(3), np.array([0.6, 0.3, 0.1])
    rows = [drawn(items, p, 2, seed) for seed in range(20_000)]
    for first in range(3):
        for second in {0, 1, 2} - {first}:
            said = p[first] * p[second] / (1 - p[first])
            seen = np.mean([row.items.tolist() == [first, second] for row in rows])
            assert seen == pytest.approx(said, abs=0.015)
