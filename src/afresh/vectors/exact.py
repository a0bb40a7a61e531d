"""The exact index: every vector is compared. Enough for some ten thousand of them.

Vectors stand in blocks of 64, a block dimension by dimension, so that the processor adds up 64
cosines at once and each cosine is the same sum in the same order wherever its vector stands:
answers do not depend on the order in which vectors came.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.room import MEMORY
from afresh.vectors import Keys, Near, Vectors, latest, nearest, unit_rows

BLOCK = 64


@numba.njit(cache=True, nogil=True)
def _cosines(blocks, vector, used, out):  # type: ignore[no-untyped-def]
    """blocks float32[b, dims, BLOCK], vector float32[dims] -> out float32[b * BLOCK].

    Four dimensions a pass over the sums, added one after the other.
    """
    whole = len(vector) // 4 * 4
    for b in range((used + BLOCK - 1) // BLOCK):
        sums = out[b * BLOCK : (b + 1) * BLOCK]
        block = blocks[b]
        sums[:] = np.float32(0)
        for d in range(0, whole, 4):
            v0, v1, v2, v3 = vector[d], vector[d + 1], vector[d + 2], vector[d + 3]
            r0, r1, r2, r3 = block[d], block[d + 1], block[d + 2], block[d + 3]
            for i in range(BLOCK):
                sums[i] = (((sums[i] + v0 * r0[i]) + v1 * r1[i]) + v2 * r2[i]) + v3 * r3[i]
        for d in range(whole, len(vector)):
            for i in range(BLOCK):
                sums[i] += vector[d] * block[d, i]


@numba.njit(cache=True, nogil=True)
def _gathered(blocks, where):  # type: ignore[no-untyped-def]
    """The vectors of rows int64[n]: float32[n, dims]."""
    out = np.empty((len(where), blocks.shape[1]), np.float32)
    for at in range(len(where)):
        block, lane = where[at] // BLOCK, where[at] % BLOCK
        for d in range(blocks.shape[1]):
            out[at, d] = blocks[block, d, lane]
    return out


class ExactIndex:
    """A VectorIndex whose answers are exact up to the rounding of float32."""

    def __init__(self, dims: int) -> None:
        self.dims = dims
        self._rows: dict[int, int] = {}
        self._keys = np.empty(BLOCK, np.int64)
        self._blocks = np.zeros((1, dims, BLOCK), np.float32)

    def __len__(self) -> int:
        return len(self._rows)

    def upsert(self, keys: Keys, vectors: NDArray[Any]) -> None:
        keys, units = latest(keys, unit_rows(vectors, self.dims))
        where = np.empty(len(keys), np.int64)
        for at, key in enumerate(keys.tolist()):
            where[at] = self._rows.setdefault(key, len(self._rows))
        self._reserve(len(self._rows))
        self._keys[where] = keys
        self._blocks[where // BLOCK, :, where % BLOCK] = units

    def delete(self, keys: Keys) -> None:
        for key in np.asarray(keys, np.int64).tolist():
            hole = self._rows.pop(key, None)
            last = len(self._rows)
            if hole is None or hole == last:
                continue
            moved = int(self._keys[last])
            self._rows[moved] = hole
            self._keys[hole] = moved
            self._blocks[hole // BLOCK, :, hole % BLOCK] = (
                self._blocks[last // BLOCK, :, last % BLOCK]
            )  # fmt: skip

    def search(self, vector: NDArray[Any], k: int, allowed: Keys | None = None) -> Near:
        unit = unit_rows(np.asarray(vector)[None], self.dims)[0]
        used = len(self._rows)
        cosines = np.empty(-(-used // BLOCK) * BLOCK, np.float32)
        _cosines(self._blocks, unit, used, cosines)
        keys, cosines = self._keys[:used], cosines[:used]
        if allowed is not None:
            inside = np.isin(keys, allowed)
            keys, cosines = keys[inside], cosines[inside]
        return nearest(keys, cosines, k)

    def keys(self) -> Keys:
        """All keys, ascending: int64[n]."""
        return np.sort(self._keys[: len(self._rows)])

    def get(self, keys: Keys) -> Vectors:
        where = np.fromiter(map(self._rows.__getitem__, keys.tolist()), np.int64, len(keys))
        return np.asarray(_gathered(self._blocks, where))

    def _reserve(self, rows: int) -> None:
        if rows > len(self._keys):
            blocks = -(-max(2 * len(self._keys), rows) // BLOCK)
            self._keys = MEMORY.grown(self._keys, blocks * BLOCK)
            had = len(self._blocks)
            self._blocks = MEMORY.grown(self._blocks, blocks)
            self._blocks[had:] = 0
