"""The questions that recommendations are judged by, and the measures."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks._clicks import _cases, clicks
from benchmarks.quality import context_of, learned, measures

from afresh.retrieve.scans import Scans


def test_every_prefix_of_a_session_is_a_question() -> None:
    session = np.array([1, 1, 2, 2, 2, 3, 4, 4])
    found = _cases(session, 2, 8)
    asked = zip(found.first.tolist(), found.length.tolist(), found.answer.tolist(), strict=True)
    assert list(asked) == [(2, 1, 3), (2, 2, 4), (6, 1, 7)]


def test_hits_and_reciprocal_ranks_with_their_errors() -> None:
    found = measures(np.array([1, 2, 20, 21, 0]))
    assert (found["n"], found["hr"]) == (5, 0.6)
    assert found["mrr"] == pytest.approx((1 + 0.5 + 0.05) / 5)
    assert found["hr_se"] == pytest.approx(0.2191)
    assert measures(np.empty(0, np.int64))["hr"] == 0


def test_a_context_has_distinct_items_and_the_whole_visit_newest_first() -> None:
    context = context_of(np.array([5, 7, -1, 5, 9]), 100)
    assert context.items.tolist() == [9, 5, 7]
    assert context.visit.tolist() == [9, 5, 7, 5]


def test_learning_sees_nothing_of_the_sessions_it_learns_from() -> None:
    shop = clicks(None, held=50)
    state = shop.state()
    shop.fold(state, 0, shop.held)
    before = state.events
    model, took = learned(shop, state, Scans(), shop.learn)
    assert state.events == before == shop.held
    assert 0 < model.outcomes <= len(took) <= len(shop.learn.first)
    assert not set(shop.session[: shop.held]) & set(shop.session[shop.held :])
    assert shop.learn.answer.min() > shop.held
    assert shop.learn.answer.max() < shop.train <= shop.test.first.min()
