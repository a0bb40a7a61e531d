"""Moving from the exact to the embedded index, a few vectors at a time."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from afresh.errors import MissingDependency
from afresh.vectors.embedded import EmbeddedIndex
from afresh.vectors.exact import ExactIndex
from afresh.vectors.growing import STEP, GrowingIndex


def rows(n: int, dims: int = 8) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(n).standard_normal((n, dims)).astype(np.float32)


def test_it_moves_while_it_answers_and_nothing_is_lost() -> None:
    n = 3 * STEP
    index, vectors = GrowingIndex(8, exact_below=n - 1), rows(n)
    index.upsert(np.arange(n - 1), vectors[:-1])
    assert isinstance(index._now, ExactIndex)
    assert index._next is None
    index.upsert(np.array([n - 1]), vectors[-1:])  # one too many: the move begins
    assert isinstance(index._now, ExactIndex)
    assert len(index._next or ()) == STEP
    index.delete(np.array([0, n - 2]))
    index.upsert(np.array([1]), -vectors[1:2])
    assert isinstance(index._now, ExactIndex)
    assert 0 not in index.search(vectors[0], n).keys
    index.upsert(np.array([2]), -vectors[2:3])
    assert isinstance(index._now, EmbeddedIndex)
    assert len(index) == n - 2
    for key, sign in ((1, -1), (2, -1), (3, 1), (n - 3, 1)):
        found = index.search(sign * vectors[key], 1)
        assert found.keys.tolist() == [key]
        assert found.cosines[0] == pytest.approx(1.0, abs=2e-3)
    assert not {0, n - 2} & set(index.search(vectors[0], n).keys.tolist())


def test_without_usearch_it_stays_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(MissingDependency, match="usearch") as missing:
        EmbeddedIndex(8)
    assert "afresh[vectors]" in missing.value.hint
    index, vectors = GrowingIndex(8, exact_below=10), rows(50)
    for first in range(0, 50, 5):
        index.upsert(np.arange(first, first + 5), vectors[first : first + 5])
    assert len(index) == 50
    assert index.search(vectors[49], 1).keys.tolist() == [49]
    assert isinstance(index._now, ExactIndex)
