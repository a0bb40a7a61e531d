"""HR, MRR, NDCG and recall against the plain definitions, and errors by visitor."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afresh.evaluation.measures import Measure, mean, per_question, scores

RANKS = st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=4), min_size=1, max_size=8)


def targets(ranks: list[list[int]]) -> pl.DataFrame:
    rows = [(q, q % 3, rank) for q, each in enumerate(ranks) for rank in each]
    return pl.DataFrame(rows, schema=["question", "visitor", "rank"], orient="row")


@given(RANKS, st.integers(1, 6))
def test_each_measure_is_its_definition(ranks: list[list[int]], k: int) -> None:
    found = per_question(targets(ranks), k)
    for q, each in enumerate(ranks):
        hits = [r for r in each if 0 < r <= k]
        ideal = sum(1 / math.log2(1 + i) for i in range(1, min(len(each), k) + 1))
        assert found["HR"][q] == (1 if hits else 0)
        assert found["MRR"][q] == pytest.approx(1 / min(hits) if hits else 0)
        assert found["recall"][q] == pytest.approx(len(hits) / len(each))
        gain = sum(1 / math.log2(1 + r) for r in hits)
        assert found["NDCG"][q] == pytest.approx(gain / ideal)


def test_with_one_target_recall_is_hr_and_a_first_place_is_worth_one() -> None:
    found = scores(targets([[1], [0], [3], [2]]), (1, 2, 3)).measures
    assert [found["HR"][k].value for k in (1, 2, 3)] == [0.25, 0.5, 0.75]
    assert found["recall"] == found["HR"]
    assert found["MRR"][3].value == pytest.approx((1 + 1 / 3 + 1 / 2) / 4)
    assert found["NDCG"][1].value == 0.25


def test_an_error_by_visitor_is_that_of_independent_visits_when_each_asks_once() -> None:
    values = np.random.default_rng(1).random(200)
    said = mean(values, np.arange(200))
    assert said.se == pytest.approx(values.std(ddof=1) / 200**0.5, abs=1e-6)


def test_the_same_visits_told_ten_times_know_no_more() -> None:
    values, visitor = np.random.default_rng(2).random(50), np.arange(50)
    once = mean(values, visitor)
    ten = mean(np.repeat(values, 10), np.repeat(visitor, 10))
    assert ten.value == pytest.approx(once.value)
    assert ten.se == pytest.approx(once.se, rel=1e-3)


def test_of_nothing_nothing_is_said_and_of_one_visitor_no_error() -> None:
    assert mean(np.empty(0), np.empty(0, np.int64)) == Measure(None, None)
    assert mean(np.array([0.5, 1.0]), np.array([4, 4])) == Measure(0.75, None)
    assert str(Measure(None, None)) == "–"
    assert str(Measure(0.5, 0.01)) == "0.5000 ± 0.0100"
