"""The variance of integers kept as three sums, against exact fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.features.finishing import variance
from afresh.features.tiles import LIMB_BITS, LIMB_MASK

LIMIT = 2**31 - 1
numbers = st.lists(st.integers(-LIMIT, LIMIT), min_size=1, max_size=50)
close = st.builds(
    lambda middle, strays: [max(-LIMIT, min(LIMIT, middle + s)) for s in strays],
    st.integers(-LIMIT, LIMIT),
    st.lists(st.integers(-3, 3), min_size=1, max_size=50),
)


@given(st.one_of(numbers, close))
def test_it_is_that_of_exact_fractions(values: list[int]) -> None:
    squares = [v * v for v in values]
    low = sum(s & LIMB_MASK for s in squares)
    high = sum(s >> LIMB_BITS for s in squares)
    n = len(values)
    exact = Fraction(sum(squares), n) - Fraction(sum(values), n) ** 2
    assert variance(n, sum(values), low, high) == pytest.approx(float(exact), rel=1e-12, abs=1e-12)


def test_large_numbers_that_lie_close_lose_nothing() -> None:
    values = [LIMIT, LIMIT - 1, LIMIT, LIMIT - 1]
    low = sum((v * v) & LIMB_MASK for v in values)
    high = sum((v * v) >> LIMB_BITS for v in values)
    assert variance(4, sum(values), low, high) == 0.25
