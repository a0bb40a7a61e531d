"""An index that is exact while it is small, and moves to usearch as it grows.

Below some ten thousand vectors comparing all is fast, misses nothing, and gives the same
answer whatever the order of the adds. Beyond, vectors are copied to the embedded index a
batch at an upsert; until it has them all, the exact one answers. Without usearch it stays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.errors import MissingDependency
from afresh.vectors import Keys, Near, VectorIndex, Vectors
from afresh.vectors.embedded import EmbeddedIndex
from afresh.vectors.exact import ExactIndex

EXACT_BELOW = 20_000
"""Vectors up to which every one is compared (docs/design/vectors.md has the measurements)."""
STEP = 64
"""Vectors copied beside an upsert, or twice as many as are upserted, where that is more."""

_log = structlog.get_logger("afresh.vectors")


class GrowingIndex:
    """A VectorIndex. It never moves back: what deletes free is little."""

    def __init__(self, dims: int, *, exact_below: int = EXACT_BELOW) -> None:
        self.dims = dims
        self.exact_below = exact_below
        self._now: VectorIndex = ExactIndex(dims)
        self._next: EmbeddedIndex | None = None
        self._waiting: Keys = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self._now)

    def upsert(self, keys: Keys, vectors: NDArray[Any]) -> None:
        self._now.upsert(keys, vectors)
        if self._next is not None:
            self._next.upsert(keys, vectors)
        elif isinstance(self._now, ExactIndex) and len(self._now) > self.exact_below:
            self._begin(self._now)
        self._copy(max(STEP, 2 * len(keys)))

    def delete(self, keys: Keys) -> None:
        self._now.delete(keys)
        if self._next is not None:
            self._next.delete(keys)
            self._waiting = self._waiting[~np.isin(self._waiting, keys)]

    def search(self, vector: NDArray[Any], k: int, allowed: Keys | None = None) -> Near:
        return self._now.search(vector, k, allowed)

    def get(self, keys: Keys) -> Vectors:
        return self._now.get(keys)

    def _begin(self, exact: ExactIndex) -> None:
        try:
            self._next = EmbeddedIndex(self.dims)
        except MissingDependency as error:
            _log.warning("vectors_stay_exact", vectors=len(exact), hint=error.hint)
            self.exact_below = 2 * len(exact)
            return
        self._waiting = exact.keys()

    def _copy(self, most: int) -> None:
        if self._next is None:
            return
        copied, self._waiting = self._waiting[:most], self._waiting[most:]
        # One that was upserted meanwhile is copied again, as it stands now.
        self._next.upsert(copied, self._now.get(copied))
        if not len(self._waiting):
            self._now, self._next = self._next, None
