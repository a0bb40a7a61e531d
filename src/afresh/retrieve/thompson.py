"""Thompson sampling of new items: each is shown as often as it is likely to be the best of them.

Of an item that was shown s times and taken t times, the rate is believed to be Gamma(1 + t,
1 / m + s), where m is the rate of all of the pool: before it is shown, anything around m is
possible; afterwards less and less is (Chapelle, Li: An empirical evaluation of Thompson sampling,
NIPS 2011). Instead of drawing a rate for each and showing the greatest, the probability that each
is the greatest is computed, and one draw is made from those. It is the same choice, and its
propensity is known.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

FLOOR = 0.05
"""The share of draws that any of the pool gets alike, so that each can be estimated."""
PRIOR_SHOWN = 20.0
"""The pool's own rate is that of its counts and of one taken of so many shown."""
GRID = 48


def chances(
    shown: NDArray[np.float64], taken: NDArray[np.float64], floor: float = FLOOR
) -> NDArray[np.float64]:
    """The probability that each item is to be shown: float64[k], above zero, in all 1. shown,
    taken: float64[k], how often each was."""
    if not len(shown):
        return np.empty(0)
    pairs, of = np.unique(np.stack([shown, taken], axis=1), axis=0, return_inverse=True)
    many = np.bincount(of.ravel(), minlength=len(pairs)).astype(np.float64)
    rate = (taken.sum() + 1.0) / (shown.sum() + PRIOR_SHOWN)
    best = _best(1.0 + pairs[:, 1], 1.0 / rate + pairs[:, 0], many)[of.ravel()]
    return np.asarray((1.0 - floor) * best / best.sum() + floor / len(shown))


@numba.njit(cache=True, nogil=True)
def _below(a, b, x):  # type: ignore[no-untyped-def]
    """P(Gamma(a, rate b) < x), by the cube root of it, which is nearly normal (Wilson, Hilferty:
    The distribution of chi-square, PNAS 1931)."""
    z = ((x * b / a) ** (1.0 / 3.0) - 1.0 + 1.0 / (9.0 * a)) * 3.0 * math.sqrt(a)
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@numba.njit(cache=True, nogil=True)
def _best(a, b, many):  # type: ignore[no-untyped-def]
    """For each kind of item the probability that one of it has the greatest rate: float64[kinds].
    many: how many items are of it, all alike. Summed over a grid of rates."""
    kinds = len(a)
    least, most = np.inf, 0.0
    for i in range(kinds):
        least = min(least, 0.05 * a[i] / b[i])
        most = max(most, (a[i] + 8.0 * math.sqrt(a[i]) + 8.0) / b[i])
    step = (most / least) ** (1.0 / (GRID - 1))
    below, logs = np.empty((GRID, kinds)), np.empty((GRID, kinds))
    whole = np.zeros(GRID)
    x = least
    for k in range(GRID):
        for i in range(kinds):
            below[k, i] = _below(a[i], b[i], x)
            logs[k, i] = math.log(max(below[k, i], 1e-300))
            whole[k] += many[i] * logs[k, i]
        x *= step
    out = np.zeros(kinds)
    for i in range(kinds):
        for k in range(GRID - 1):
            others = 0.5 * (whole[k] - logs[k, i] + whole[k + 1] - logs[k + 1, i])
            out[i] += (below[k + 1, i] - below[k, i]) * math.exp(others)
        out[i] = max(out[i], 1e-12)
    return out
