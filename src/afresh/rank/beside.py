"""What sources beside the scans gave the candidates: what terms of their own are read from.

The sources have run for this request already, and the blend has laid out what each gave, so that
a term costs a look at that. What trends is not among them: how often an item was touched lately
is a term, and, unlike the tiles of a trend, known as of any moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from afresh.rank.blend import Scored

BESIDE = ("repeats", "preference", "text", "embeddings")
"""Names of sources: own repeats, a day; cosines to the taste, to the latest items, and to what was
learned from visits to come next."""


class Beside(NamedTuple):
    """Of a surface. column: int64[BESIDE], the source of that name, of two the first, -1 where
    there is none; weight: float64[BESIDE], its own."""

    column: NDArray[np.int64]
    weight: NDArray[np.float64]

    def of(self, scored: Scored) -> Given:
        """What these sources gave the candidates of a request."""
        return Given(scored.parts, scored.best, self.column, self.weight)


class Given(NamedTuple):
    """parts: float64[n, sources], what each gave a candidate, as a share of its best times its
    weight; best: float64[sources]; column and weight: as of `Beside`."""

    parts: NDArray[np.float64]
    best: NDArray[np.float64]
    column: NDArray[np.int64]
    weight: NDArray[np.float64]


def beside(sources: Iterable[tuple[str, float]]) -> Beside | None:
    """Of sources with these names and weights; None where none is of BESIDE. One without a weight
    leaves no part to be read."""
    column, weight = np.full(len(BESIDE), -1), np.ones(len(BESIDE))
    for at, (name, counts) in enumerate(sources):
        if name in BESIDE and counts > 0:
            known = BESIDE.index(name)
            if column[known] < 0:
                column[known], weight[known] = at, counts
    return Beside(column, weight) if column.max() >= 0 else None
