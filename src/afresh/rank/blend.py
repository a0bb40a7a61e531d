"""The blend: each source's scores as shares of its best, added with fixed weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.retrieve import Candidates, Workspace


@dataclass(slots=True)
class Scored:
    """Candidates of all sources, as the sources named them.

    items: int64[n], distinct; scores: float64[n]; parts: float64[n, sources], what each source
    gave; best: float64[sources], the greatest score of each before it was weighed.
    """

    items: NDArray[np.int64]
    scores: NDArray[np.float64]
    parts: NDArray[np.float64]
    best: NDArray[np.float64]

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Scored:
        """Some of them."""
        return Scored(self.items[rows], self.scores[rows], self.parts[rows], self.best)


def blend(sources: Sequence[Candidates], weights: Sequence[float], space: Workspace) -> Scored:
    """Add up the sources. The space must fit the state."""
    if not sources:
        return Scored(np.empty(0, np.int64), np.empty(0), np.empty((0, 0)), np.empty(0))
    return Scored(
        *_blend(
            np.concatenate([source.items for source in sources]),
            np.concatenate([source.scores for source in sources]),
            np.array([len(source.items) for source in sources]),
            np.array(weights, np.float64),
            space.row,
        )
    )


@numba.njit(cache=True, nogil=True)
def _blend(named, given, sizes, weights, row):  # type: ignore[no-untyped-def]
    """The sources' items one after the other, int64[m], their scores float64[m], and how many
    each source has, int64[sources]; row int32[items] is that of a Workspace."""
    items, parts = np.empty(len(named), np.int64), np.zeros((len(named), len(sizes)))
    scores, greatest = np.zeros(len(named)), np.zeros(len(sizes))
    used = begin = 0
    for s in range(len(sizes)):
        end = begin + sizes[s]
        best = 0.0
        for at in range(begin, end):
            best = max(best, given[at])
        greatest[s] = best
        for at in range(begin, end):
            x = named[at]
            if row[x] < 0:
                row[x], items[used] = used, x
                used += 1
            parts[row[x], s] = weights[s] * given[at] / best
            scores[row[x]] += parts[row[x], s]
        begin = end
    for r in range(used):
        row[items[r]] = -1
    return items[:used], scores[:used], parts[:used], greatest
