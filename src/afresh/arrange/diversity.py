"""Variety: maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998).

Each place goes to the item with the best `weight * score - (1 - weight) * likeness`, where the
likeness is that to the most similar item placed already. Greedy, O(n * items).
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)
def _mmr(scores, similarity, weight, out):  # type: ignore[no-untyped-def]
    """out int64[k]: rows in the order they are taken; k is at most the number of scores."""
    nearest = np.zeros(len(scores))
    taken = np.zeros(len(scores), np.bool_)
    for place in range(len(out)):
        best, best_gain = -1, 0.0
        for i in range(len(scores)):
            if not taken[i]:
                gain = weight * scores[i] - (1.0 - weight) * nearest[i]
                if best < 0 or gain > best_gain:
                    best, best_gain = i, gain
        taken[best] = True
        out[place] = best
        for i in range(len(scores)):
            if place == 0 or similarity[best, i] > nearest[i]:
                nearest[i] = similarity[best, i]


def mmr(
    scores: NDArray[np.float64], similarity: NDArray[np.float64], n: int, weight: float
) -> NDArray[np.int64]:
    """Rows of the n items to show, in order; ties go to the lower row.

    scores: float64[items], comparable with likeness, so scaled to 0..1; similarity:
    float64[items, items]; weight: 1 leaves the order of the scores, 0 asks for variety alone.
    """
    out = np.empty(min(n, len(scores)), np.int64)
    _mmr(scores, similarity, weight, out)
    return out


def alike(groups: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """float64[n, n]: the share of fields in which two items agree.

    groups: for each field the items' values int64[n], below zero for null, which agrees with
    nothing.
    """
    same = [(values[:, None] == values[None, :]) & (values >= 0) for values in groups]
    return np.asarray(np.mean(same, axis=0, dtype=np.float64))
