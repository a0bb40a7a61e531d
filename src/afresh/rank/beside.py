"""What sources beside the scans gave the candidates: the raw columns of terms of their own.

The sources have run for this request already, so each costs a look-up of where its items stand.
What trends is not among them: how often an item was touched lately is a term, and, unlike the tiles
of a trend, known as of any moment.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.retrieve import Candidates, Workspace

BESIDE = ("repeats", "preference", "text")
"""Names of sources: own repeats, a day; cosines to the taste and to the latest items."""


def beside(
    names: Sequence[str], found: Sequence[Candidates], items: NDArray[np.int64], space: Workspace
) -> NDArray[np.float64]:
    """float64[n, BESIDE]: the scores that the sources called `names` gave items int64[n], distinct;
    of two of one name the greater, 0 where none gave any. The space must fit the state."""
    out = np.zeros((len(items), len(BESIDE)))
    for name, given in zip(names, found, strict=True):
        if name in BESIDE and len(given.items):
            _beside(items, given.items, given.scores, space.row, out[:, BESIDE.index(name)])
    return out


@numba.njit(cache=True, nogil=True)
def _beside(items, given, scores, row, column):  # type: ignore[no-untyped-def]
    """Scores float64[k] of given int64[k] into column float64[n] of items int64[n]; row
    int32[items] is that of a Workspace."""
    for j in range(len(items)):
        row[items[j]] = j
    for k in range(len(given)):
        at = row[given[k]]
        if at >= 0:
            column[at] = max(column[at], scores[k])
    for j in range(len(items)):
        row[items[j]] = -1
