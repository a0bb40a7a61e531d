"""A paired test: it finds what is there, seldom what is not, and matches the same questions."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.evaluation.histories import shop, stream_of, walks

from afresh.errors import BadRequest
from afresh.evaluation.compare import chance, compared
from afresh.evaluation.outcome import load_targets
from afresh.evaluation.walk import evaluated
from afresh.evaluation.wanted import Wanted


def run(ranks: np.ndarray, visitors: int = 200) -> pl.DataFrame:  # type: ignore[type-arg]
    n = len(ranks)
    return pl.DataFrame(
        {
            "event": [f"e{i:05}" for i in range(n)], "item_name": ["x"] * n, "rank": ranks,
            "visitor": np.arange(n) % visitors, "question": np.arange(n),
        }
    )  # fmt: skip


def test_few_signs_are_counted_exactly() -> None:
    sums = np.array([1.0, 2.0, 3.0])
    exact = np.mean([abs(np.dot(s, sums)) >= 6 for s in product([-1, 1], repeat=3)])
    assert exact == 0.25
    assert chance(sums, np.random.default_rng(1), 20_000) == pytest.approx(exact, abs=0.01)
    assert chance(np.zeros(4), np.random.default_rng(1)) == 1.0


def test_a_real_difference_is_found_and_its_interval_holds_it() -> None:
    rng = np.random.default_rng(4)
    ours = np.where(rng.random(3000) < 0.35, 1, 0)
    theirs = np.where(rng.random(3000) < 0.30, 1, 0)
    found = compared(run(ours), run(theirs), (1,), against="b").differences[0]
    assert found.difference == pytest.approx((ours - theirs).mean(), abs=1e-6)
    assert found.low < 0.05 < found.high
    assert found.low > 0
    assert found.p < 0.01


def test_where_nothing_differs_few_are_called_different() -> None:
    rng, called = np.random.default_rng(5), 0
    for _ in range(60):
        ours, theirs = (np.where(rng.random(400) < 0.3, 1, 0) for _ in range(2))
        sums = np.bincount(np.arange(400) % 100, ours - theirs).astype(np.float64)
        called += chance(sums, rng, 400) < 0.05
    assert called <= 9  # 3 are to be expected


def test_runs_are_matched_by_event_whatever_their_order() -> None:
    ours = run(np.array([1, 2, 0, 1]))
    theirs = run(np.array([1, 2, 0, 1])).reverse().head(3)
    found = compared(ours, theirs, (2,), against="b")
    assert (found.questions, found.left_out) == (3, 1)
    assert all(each.difference == 0 for each in found.differences)
    with pytest.raises(BadRequest, match="no question in common"):
        compared(ours.head(1), theirs.head(1), (2,), against="b")


def test_what_was_saved_is_what_is_read(tmp_path: Path) -> None:
    wanted = Wanted(sample=20)
    outcome = evaluated(shop(), stream_of(walks(30), tmp_path), wanted)
    outcome.save(tmp_path / "saved.parquet")
    said, targets, _ = load_targets(tmp_path / "saved.parquet")
    assert said == wanted
    assert targets.equals(outcome.targets)
    with pytest.raises(BadRequest, match="no saved evaluation"):
        load_targets(tmp_path / "events.parquet")
