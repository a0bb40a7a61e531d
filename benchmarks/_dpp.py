"""Determinantal point processes: the greedy MAP of Chen, Zhang & Zhou (NeurIPS 2018).

The other way to vary a list, for `diversity` to hold against maximal marginal relevance. With
scores r and likeness S the kernel is L = diag(q) S diag(q), q = exp(a r), and each place goes to
the item that adds most to log det L of those placed; a incremental Cholesky row an item makes that
O(items * n^2) in all.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

OWN = 0.1
"""How much of an item's likeness is to itself alone. Items that agree in every field would else be
one to the determinant, and the second of them never placed."""


@numba.njit(cache=True, nogil=True)
def _greedy(scores, likeness, trade, own, out):  # type: ignore[no-untyped-def]
    """out int64[k]: rows in the order they are taken; returns how many have any volume left."""
    n, most = len(scores), len(out)
    rows = np.zeros((most, n))
    left = np.ones(n)  # det of S with an item, by det without: its share of the volume
    taken = np.zeros(n, np.bool_)
    for place in range(most):
        best, gain = -1, -np.inf
        for i in range(n):
            if not taken[i] and left[i] > 1e-10:
                worth = trade * scores[i] + (1.0 - trade) * np.log(left[i])
                if worth > gain:
                    best, gain = i, worth
        if best < 0:
            return place
        taken[best], out[place] = True, best
        root = np.sqrt(left[best])
        for i in range(n):
            if not taken[i]:
                dot = 0.0
                for row in range(place):
                    dot += rows[row, best] * rows[row, i]
                e = ((1.0 - own) * likeness[best, i] - dot) / root
                rows[place, i] = e
                left[i] -= e * e
    return most


def dpp(
    scores: NDArray[np.float64], likeness: NDArray[np.float64], n: int, weight: float
) -> NDArray[np.int64]:
    """Rows of the n items to show, in order, as `arrange.diversity.mmr` gives them: what has no
    volume left follows by score. weight: of the score, which is scaled to 0..1."""
    out = np.empty(min(n, len(scores)), np.int64)
    placed = out[: _greedy(scores, likeness, weight, OWN, out)]
    rest = np.setdiff1d(np.arange(len(scores)), placed)
    rest = rest[np.argsort(-scores[rest], kind="stable")]
    return np.concatenate([placed, rest])[: len(out)]
