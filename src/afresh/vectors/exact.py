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
from afresh.retrieve.top import highest, top
from afresh.vectors import Keys, Near, Vectors, latest, unit_rows

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


@numba.njit(cache=True, nogil=True)
def _search(coarse, scale, slack, rows, keys, used, vector, k):  # type: ignore[no-untyped-def]
    """The at most k keys nearest to a vector float32[dims], and their cosines."""
    where = _near(coarse, scale, slack, vector, used, k)
    return _best(keys[where], _cosines(rows, where, vector), k)


@numba.njit(cache=True, nogil=True)
def _best(keys, cosines, k):  # type: ignore[no-untyped-def]
    order = top(cosines, keys, k)
    return keys[order], cosines[order]


@numba.njit(cache=True, nogil=True)
def _known(at, keys):  # type: ignore[no-untyped-def]
    """The rows of those of keys int64[n] that are there; at int64[keys]: -1 where there is none."""
    rows, used = np.empty(len(keys), np.int64), 0
    for key in keys:
        if 0 <= key < len(at) and at[key] >= 0:
            rows[used] = at[key]
            used += 1
    return rows[:used]


@numba.njit(cache=True, nogil=True)
def _numbered(at, keys, used):  # type: ignore[no-untyped-def]
    """The rows of keys int64[n], new ones from `used` on; how many rows are used then."""
    rows = np.empty(len(keys), np.int64)
    for k in range(len(keys)):
        if at[keys[k]] < 0:
            at[keys[k]] = used
            used += 1
        rows[k] = at[keys[k]]
    return rows, used


class ExactIndex:
    """A VectorIndex whose answers are exact up to the rounding of float32."""

    def __init__(self, dims: int) -> None:
        self.dims = dims
        self._used = 0
        self._at = np.full(BLOCK, -1, np.int64)
        self._keys = np.empty(BLOCK, np.int64)
        self._rows = np.zeros((BLOCK, dims), np.float32)
        self._coarse = np.zeros((1, dims, BLOCK), np.int8)
        self._scale, self._slack = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)

    def __len__(self) -> int:
        return self._used

    def upsert(self, keys: Keys, vectors: NDArray[Any]) -> None:
        keys, units = latest(keys, unit_rows(vectors, self.dims))
        if not len(keys):
            return
        self._reserve(int(keys[-1]) + 1, self._used + len(keys))
        where, self._used = _numbered(self._at, keys, self._used)
        self._keys[where] = keys
        self._put(where, units)

    def delete(self, keys: Keys) -> None:
        for key in np.unique(np.asarray(keys, np.int64)).tolist():
            if not 0 <= key < len(self._at) or self._at[key] < 0:
                continue
            hole, self._at[key] = int(self._at[key]), -1
            self._used -= 1
            if hole < self._used:  # the last one moves there
                moved = self._keys[self._used]
                self._keys[hole], self._at[moved] = moved, hole
                self._put(np.array([hole]), self._rows[self._used : self._used + 1])

    def search(self, vector: NDArray[Any], k: int, allowed: Keys | None = None) -> Near:
        unit = unit_rows(np.asarray(vector)[None], self.dims)[0]
        if k <= 0:
            return Near()
        if allowed is None:
            held = (self._coarse, self._scale, self._slack, self._rows, self._keys)
            return Near(*_search(*held, self._used, unit, k))
        where = _known(self._at, np.unique(np.asarray(allowed, np.int64)))
        return Near(*_best(self._keys[where], _cosines(self._rows, where, unit), k))

    def keys(self) -> Keys:
        """All keys, ascending: int64[n]."""
        return np.sort(self._keys[: self._used])

    def get(self, keys: Keys) -> Vectors:
        return self._rows[self._at[keys]]

    def _put(self, where: NDArray[np.int64], units: Vectors) -> None:
        _place(where, units, self._rows, self._coarse, self._scale, self._slack)

    def _reserve(self, keys: int, rows: int) -> None:
        if keys > len(self._at):
            had = len(self._at)
            self._at = MEMORY.grown(self._at, max(2 * had, keys))
            self._at[had:] = -1
        if rows > len(self._keys):
            blocks = -(-max(2 * len(self._keys), rows) // BLOCK)
            size, had = blocks * BLOCK, len(self._coarse)
            self._keys = MEMORY.grown(self._keys, size)
            self._rows = MEMORY.grown(self._rows, size)
            self._scale, self._slack = (MEMORY.grown(a, size) for a in (self._scale, self._slack))
            self._coarse = MEMORY.grown(self._coarse, blocks)
            self._coarse[had:] = 0
