"""What a given list says of its items, against the same said once more in plain Python."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from afresh.rank.given import PLACED, number_names, numbered, placed, to
from afresh.retrieve.given import Given

NUMBER = st.one_of(st.just(math.nan), st.floats(-1e6, 1e6).map(lambda value: round(value, 2)))
NOWHERE = math.nan


def same(found: list[float], wanted: list[float]) -> bool:
    return np.allclose(found, wanted, rtol=1e-9, atol=1e-9, equal_nan=True)


@settings(max_examples=200, deadline=None)
@given(st.lists(NUMBER, min_size=1, max_size=12))
def test_a_number_its_place_and_what_it_is_to_the_mean(values: list[float]) -> None:
    found = numbered(np.array(values), len(values))
    known = [value for value in values if not math.isnan(value)]
    mean = math.fsum(known) / len(known) if known else 0.0
    places = [sum(o < v for o in known) if v == v else NOWHERE for v in values]
    assert same(found[:, 0].tolist(), values)
    assert same(found[:, 1].tolist(), places)
    if abs(mean) > 1e-3:
        assert same(found[:, 2].tolist(), [value / mean for value in values])


def test_what_nobody_said_is_nan() -> None:
    assert np.isnan(numbered(None, 3)).all()
    assert np.isnan(numbered(np.full(2, np.nan), 2)).all()
    assert np.isnan(to(np.ones(2), math.nan)).all()
    assert np.isnan(to(np.ones(2), 0.0)).all()
    assert np.isnan(numbered(np.array([1.0, -1.0]), 2)[:, 2]).all()  # a mean of nothing


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 9), unique=True, min_size=1, max_size=8),
    st.lists(st.integers(0, 9), max_size=8),
    st.lists(st.integers(0, 9), max_size=8),
    st.integers(0, 2),
)
def test_places_are_counted_from_the_latest_that_is_in_the_list(
    items: list[int], visit: list[int], latest: list[int], unknown: int
) -> None:
    whole = items + [-1] * unknown

    def below(done: list[int]) -> list[float]:
        first = next((whole.index(item) for item in done if item in items), NOWHERE)
        return [place - first for place in range(len(whole))]

    times = [float(latest.count(item)) if item >= 0 else 0.0 for item in whole]
    found = placed(
        Given(np.array(whole)), np.array(visit, np.int64), np.array(latest, np.int64),
        np.array(times),
    )  # fmt: skip
    assert found.shape == (len(whole), len(PLACED))
    assert found[:, 0].tolist() == list(range(len(whole)))
    assert same(found[:, 1].tolist(), below(visit))
    assert same(found[:, 2].tolist(), below(latest))
    assert set(found[:, 3].tolist()) == {float(len(whole))}
    assert set(found[:, 4].tolist()) == {float(len(set(items) & set(latest)))}


def test_the_names_of_a_number_s_columns() -> None:
    assert len(number_names("price", "")) == 3
    assert number_names("price", "paid")[-1] == "given price to paid"
