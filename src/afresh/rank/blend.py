"""The blend: each source's scores as shares of its best, added with fixed weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afresh.retrieve import Candidates


@dataclass(slots=True)
class Scored:
    """Candidates of all sources, best first.

    items: int64[n]; scores: float64[n]; parts: float64[n, sources], what each source gave.
    """

    items: NDArray[np.int64]
    scores: NDArray[np.float64]
    parts: NDArray[np.float64]

    def keep(self, rows: NDArray[np.bool_]) -> Scored:
        return Scored(self.items[rows], self.scores[rows], self.parts[rows])


def blend(sources: Sequence[Candidates], weights: Sequence[float]) -> Scored:
    """Add up the sources. Ties go to the item with the lower number."""
    named = [source.items for source in sources]
    items = np.unique(np.concatenate(named)) if named else np.empty(0, np.int64)
    parts = np.zeros((len(items), len(sources)))
    for column, (source, weight) in enumerate(zip(sources, weights, strict=True)):
        if len(source.items):
            rows = np.searchsorted(items, source.items)
            parts[rows, column] = weight * source.scores / source.scores.max()
    scores = parts.sum(axis=1)
    order = np.lexsort((items, -scores))
    return Scored(items[order], scores[order], parts[order])
