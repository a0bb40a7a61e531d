"""The exact index: every vector is compared. Enough for some ten thousand of them.

Memory is its limit, so each vector is compared twice: a copy of a byte a dimension says what its
cosine is at most and at least, and only those that may be among the nearest are read in full. The
copies stand in blocks of 64, a block dimension by dimension, so that the processor adds up 64
cosines at once. Each cosine that is answered is the same sum in the same order wherever its
vector stands: answers do not depend on the order in which vectors came.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.room import MEMORY
from afresh.retrieve.top import highest
from afresh.vectors import Keys, Near, Vectors, latest, nearest, unit_rows

BLOCK = 64
ROUNDED = np.float32(4e-5)
"""What rounding to float32 may add to two sums of some hundred products."""


@numba.njit(cache=True, nogil=True)
def _place(where, units, rows, coarse, scale, slack):  # type: ignore[no-untyped-def]
    """Put units float32[n, dims] at int64[n]: into rows, and as bytes times a scale into coarse
    int8[b, dims, BLOCK]; slack: by how much a cosine to the bytes can be off."""
    for at in range(len(where)):
        row, greatest, off = where[at], np.float32(0), 0.0
        for d in range(units.shape[1]):
            greatest = max(greatest, abs(units[at, d]))
        step = greatest / np.float32(127)
        for d in range(units.shape[1]):
            byte = np.int8(round(units[at, d] / step))
            coarse[row // BLOCK, d, row % BLOCK] = byte
            rows[row, d] = units[at, d]
            off += (np.float64(units[at, d]) - np.float64(byte) * step) ** 2
        scale[row], slack[row] = step, np.float32(math.sqrt(off)) + ROUNDED


@numba.njit(cache=True, nogil=True)
def _near(coarse, scale, slack, vector, used, k):  # type: ignore[no-untyped-def]
    """The rows, of `used`, that may be among the k nearest to a vector float32[dims]: int64[m]."""
    whole = len(vector) // 4 * 4
    about = np.empty(len(coarse) * BLOCK, np.float32)
    for b in range((used + BLOCK - 1) // BLOCK):
        sums, block = about[b * BLOCK : (b + 1) * BLOCK], coarse[b]
        sums[:] = np.float32(0)
        for d in range(0, whole, 4):
            v0, v1, v2, v3 = vector[d], vector[d + 1], vector[d + 2], vector[d + 3]
            r0, r1, r2, r3 = block[d], block[d + 1], block[d + 2], block[d + 3]
            for i in range(BLOCK):
                more = v0 * np.float32(r0[i]) + v1 * np.float32(r1[i])
                sums[i] += more + (v2 * np.float32(r2[i]) + v3 * np.float32(r3[i]))
        for d in range(whole, len(vector)):
            for i in range(BLOCK):
                sums[i] += vector[d] * np.float32(block[d, i])
    least = np.empty(used, np.float32)
    for r in range(used):
        about[r] *= scale[r]
        least[r] = about[r] - slack[r]
    if k < used:
        best = least[highest(least, k)]
        border = np.partition(best, len(best) - k)[len(best) - k]
    else:
        border = np.float32(-2)
    out, found = np.empty(used + 1, np.int64), 0
    for r in range(used):
        out[np.uint64(found)] = r
        found += about[r] + slack[r] >= border
    return out[:found]


@numba.njit(cache=True, nogil=True)
def _cosines(rows, where, vector):  # type: ignore[no-untyped-def]
    """rows[where] · vector: float32[n]; four sums, as each addition waits for the one before."""
    out, whole = np.empty(len(where), np.float32), len(vector) // 4 * 4
    for at in range(len(where)):
        row = rows[where[at]]
        a = b = c = e = np.float32(0)
        for d in range(0, whole, 4):
            a, b = a + row[d] * vector[d], b + row[d + 1] * vector[d + 1]
            c, e = c + row[d + 2] * vector[d + 2], e + row[d + 3] * vector[d + 3]
        for d in range(whole, len(vector)):
            a += row[d] * vector[d]
        out[at] = (a + b) + (c + e)
    return out


class ExactIndex:
    """A VectorIndex whose answers are exact up to the rounding of float32."""

    def __init__(self, dims: int) -> None:
        self.dims = dims
        self._at: dict[int, int] = {}
        self._keys = np.empty(BLOCK, np.int64)
        self._rows = np.zeros((BLOCK, dims), np.float32)
        self._coarse = np.zeros((1, dims, BLOCK), np.int8)
        self._scale, self._slack = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)

    def __len__(self) -> int:
        return len(self._at)

    def upsert(self, keys: Keys, vectors: NDArray[Any]) -> None:
        keys, units = latest(keys, unit_rows(vectors, self.dims))
        where = np.empty(len(keys), np.int64)
        for at, key in enumerate(keys.tolist()):
            where[at] = self._at.setdefault(key, len(self._at))
        self._reserve(len(self._at))
        self._keys[where] = keys
        self._put(where, units)

    def delete(self, keys: Keys) -> None:
        for key in np.asarray(keys, np.int64).tolist():
            hole = self._at.pop(key, None)
            last = len(self._at)
            if hole is None or hole == last:
                continue
            moved = int(self._keys[last])
            self._at[moved] = hole
            self._keys[hole] = moved
            self._put(np.array([hole]), self._rows[last : last + 1])

    def search(self, vector: NDArray[Any], k: int, allowed: Keys | None = None) -> Near:
        unit = unit_rows(np.asarray(vector)[None], self.dims)[0]
        if allowed is not None:
            known = [self._at[key] for key in np.unique(allowed).tolist() if key in self._at]
            where = np.array(known, np.int64)
        elif k > 0:
            where = _near(self._coarse, self._scale, self._slack, unit, len(self._at), k)
        else:
            where = np.empty(0, np.int64)
        return nearest(self._keys[where], _cosines(self._rows, where, unit), k)

    def keys(self) -> Keys:
        """All keys, ascending: int64[n]."""
        return np.sort(self._keys[: len(self._at)])

    def get(self, keys: Keys) -> Vectors:
        where = np.fromiter(map(self._at.__getitem__, keys.tolist()), np.int64, len(keys))
        return self._rows[where]

    def _put(self, where: NDArray[np.int64], units: Vectors) -> None:
        _place(where, units, self._rows, self._coarse, self._scale, self._slack)

    def _reserve(self, rows: int) -> None:
        if rows > len(self._keys):
            blocks = -(-max(2 * len(self._keys), rows) // BLOCK)
            size, had = blocks * BLOCK, len(self._coarse)
            self._keys = MEMORY.grown(self._keys, size)
            self._rows = MEMORY.grown(self._rows, size)
            self._scale, self._slack = (MEMORY.grown(a, size) for a in (self._scale, self._slack))
            self._coarse = MEMORY.grown(self._coarse, blocks)
            self._coarse[had:] = 0
