"""Finishing: from merged numbers to a feature's value, float64 throughout, rounded once."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.plan import Feature
from afresh.features.tiles import LIMB_BITS

_SCALED, _MEAN, _RATIO, _VARIANCE = 0, 1, 2, 3
_CLEAR = 2.0**61
"""Below it a sum of squared distances, whose float64 is roughly known, fits an int64."""


@numba.njit(cache=True, nogil=True)
def variance(n, total, low, high):  # type: ignore[no-untyped-def]
    """The variance of n integers with this sum and this sum of squares, high * 2**31 + low.

    Around the mean rounded down, the distances' squares are a whole number. It is worked out
    modulo 2**64, so nothing cancels; where it would not fit, nothing much can.
    """
    squares = np.float64(high) * 2.0**LIMB_BITS + np.float64(low)
    roughly = squares - np.float64(total) * np.float64(total) / n
    if roughly >= _CLEAR:
        return roughly / n
    middle = total // n
    rest = np.float64(total - n * middle)
    whole = (high << LIMB_BITS) + low - 2 * middle * total + n * middle * middle
    return (np.float64(whole) - rest * rest / n) / n


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _finish(parts, kinds, rows, scales, priors, out):  # type: ignore[no-untyped-def]
    """parts float64[all, n]; kinds int64[f]; rows int64[f, 4] of parts; scales and priors
    float64[f, 2], for the number above and the one below; out float32[n, f]."""
    for f in range(len(kinds)):
        above, below = parts[rows[f, 0]], parts[rows[f, 1]]
        scale, prior = scales[f], priors[f]
        if kinds[f] == _MEAN:
            for e in range(len(above)):
                value = above[e] / scale[0] / below[e]
                out[e, f] = np.float32(value if below[e] > 0 else np.nan)
        elif kinds[f] == _RATIO:
            for e in range(len(above)):
                value = (above[e] / scale[0] + prior[0]) / (below[e] / scale[1] + prior[1])
                out[e, f] = np.float32(value if np.isfinite(value) else np.nan)
        elif kinds[f] == _VARIANCE:
            low, high = parts[rows[f, 2]], parts[rows[f, 3]]
            for e in range(len(above)):
                value = np.nan
                if below[e] > 0:
                    sums = np.int64(below[e]), np.int64(above[e])
                    value = variance(*sums, np.int64(low[e]), np.int64(high[e])) / scale[0] ** 2
                out[e, f] = np.float32(value)
        elif scale[0] == 1.0:  # division would change nothing, and takes time
            for e in range(len(above)):
                out[e, f] = np.float32(above[e])
        else:
            for e in range(len(above)):
                out[e, f] = np.float32(above[e] / scale[0])


_KINDS = {"mean": _MEAN, "ratio": _RATIO, "variance": _VARIANCE}


class Finish:
    """Features over rows of merged numbers: row places[i] holds the i-th of all the features'
    reads, one behind the other."""

    def __init__(self, features: Sequence[Feature], places: Sequence[int]) -> None:
        n = len(features)
        self.kinds = np.zeros(n, np.int64)
        self.rows = np.zeros((n, 4), np.int64)
        self.scales, self.priors = np.ones((n, 2)), np.zeros((n, 2))
        at = 0
        for f, feature in enumerate(features):
            self.kinds[f] = _KINDS.get(feature.kind, _SCALED)
            mine = places[at : at + len(feature.reads)]
            self.rows[f, : len(mine)] = mine
            self.scales[f] = 10.0**feature.places, 10.0**feature.places2
            self.priors[f] = feature.prior or (0.0, 0.0)
            at += len(feature.reads)

    def __call__(self, parts: NDArray[np.float64]) -> NDArray[np.float32]:
        """float32[n, features] of parts float64[all, n]; null is NaN."""
        out = np.empty((parts.shape[1], len(self.kinds)), np.float32)
        _finish(parts, self.kinds, self.rows, self.scales, self.priors, out)
        return out
