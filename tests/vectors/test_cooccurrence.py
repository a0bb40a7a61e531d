"""Co-occurrence against a slow model, and what one visitor can move."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from afresh.vectors.cooccurrence import LONGEST, REACH, information
from afresh.vectors.factors import factors

ITEMS = 7
VISITS = st.lists(st.lists(st.integers(0, ITEMS - 1), max_size=12), max_size=8)


def columns(visits: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(v, item) for v, items in enumerate(visits) for item in items]
    made = np.array(pairs, np.int64).reshape(-1, 2)
    return made[:, 0].copy(), made[:, 1].copy()


def slow(visits: list[list[int]]) -> dict[tuple[int, int], float]:
    together: Counter[tuple[int, int]] = Counter()
    for items in visits:
        late = items[-LONGEST:]
        for i, a in enumerate(late):
            for j in range(i + 1, min(i + REACH + 1, len(late))):
                if a != late[j]:
                    together[a, late[j]] += 1 / (j - i)
                    together[late[j], a] += 1 / (j - i)
    sums: Counter[int] = Counter()
    for (a, _), weight in together.items():
        sums[a] += weight
    whole = sum(weight**0.75 for weight in sums.values())
    said = {
        (a, b): math.log(weight * whole / (sums[a] * sums[b]) ** 0.875)
        for (a, b), weight in together.items()
    }
    return {pair: value for pair, value in said.items() if value > 1e-5}


@given(VISITS)
def test_information_is_that_of_the_slow_model(visits: list[list[int]]) -> None:
    made = information(*columns(visits), ITEMS)
    rows = np.repeat(np.arange(ITEMS), np.diff(made.start))
    held = zip(rows.tolist(), made.other.tolist(), made.value.tolist(), strict=True)
    found = {(a, b): value for a, b, value in held if value > 1e-5}
    wanted = slow(visits)
    assert found.keys() == wanted.keys()
    assert all(abs(found[pair] - wanted[pair]) < 1e-4 for pair in wanted)


def test_a_product_is_that_of_the_whole_matrix() -> None:
    rng = np.random.default_rng(0)
    made = information(np.repeat(np.arange(60), 5), rng.integers(0, 20, 300), 20)
    whole = np.zeros((20, 20), np.float32)
    whole[np.repeat(np.arange(20), np.diff(made.start)), made.other] = made.value
    assert np.allclose(whole, whole.T, atol=1e-5)
    dense = rng.standard_normal((20, 3)).astype(np.float32)
    assert np.allclose(made.times(dense), whole @ dense, atol=1e-4)


def test_factors_of_all_directions_give_back_what_is_positive_of_the_matrix() -> None:
    rng = np.random.default_rng(1)
    made = information(np.repeat(np.arange(200), 4), rng.integers(0, 15, 800), 15)
    whole = np.zeros((15, 15))
    whole[np.repeat(np.arange(15), np.diff(made.start)), made.other] = made.value
    values, turned = np.linalg.eigh((whole + whole.T) / 2)
    positive = (turned * np.maximum(values, 0)) @ turned.T
    rows = factors(made, 15)
    assert np.allclose(rows @ rows.T, positive, atol=1e-3)
    assert (factors(made, 15) == rows).all()


def test_of_an_endless_visit_only_the_latest_events_count() -> None:
    """A robot that walks through everything moves no more than its last events."""
    rng = np.random.default_rng(2)
    walk = rng.integers(0, 50, 20_000)
    visit = np.zeros(len(walk), np.int64)
    whole = information(visit, walk, 50)
    late = information(visit[-LONGEST:], walk[-LONGEST:], 50)
    assert (whole.other == late.other).all()
    assert (whole.value == late.value).all()
