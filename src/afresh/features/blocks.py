"""Blocks: growing lists of rows, one list a key, in one pool.

Each list occupies a block whose capacity is a power of two; a list that
outgrows its block moves to one twice the size and leaves the old one to the
next list that needs it. Kernels take the arrays; nothing here knows what the
rows mean.

Arrays of a set of lists: `heads` int64[keys, 3] = start in the pool, size, level
(capacity 2**level, -1: no block yet), together so that a list is found by one read
of memory; and `meta` int64[2 + LEVELS] = rows of the pool in use, then the first free block
of each level or -1, then a value without meaning. A free block keeps the start of the next
one in its first cell.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.room import MEMORY, Room

LEVELS = 40
AHEAD = 128
"""Events whose lists a kernel touches before it works on them."""
FIRST = 2
"""The level of the first block of a list of plain numbers: most lists hold more than one."""
_NO_LIST = np.array([0, 0, -1], np.int64)


@numba.njit(cache=True, nogil=True)
def take_block(level, meta, pool):  # type: ignore[no-untyped-def]
    """The start of a free block of 2**level rows, or -1 when the pool must grow first."""
    block = meta[1 + level]
    if block >= 0:
        meta[1 + level] = pool[block, 0] if pool.ndim == 2 else pool[block]
        return block
    block = meta[0]
    if block + (1 << level) > len(pool):
        return np.int64(-1)
    meta[0] = block + (1 << level)
    return block


@numba.njit(cache=True, nogil=True)
def touch_lists(keys, first, last, ts, alive_from, heads, pool, meta):  # type: ignore[no-untyped-def]
    """Read the head and the last row of the lists that events first..last will want.

    Each read waits for memory; done for many events at once, the waits overlap. The sum
    is stored so that the reads are not optimised away.
    """
    seen = np.int64(0)
    for i in range(first, last):
        key = keys[i]
        if key >= 0 and ts[i] >= alive_from:
            at = heads[key, 0] + heads[key, 1]
            if at > 0:
                seen ^= np.int64(pool[at - 1])
    meta[1 + LEVELS] = seen


@numba.njit(cache=True, nogil=True)
def give_block(block, level, meta, pool):  # type: ignore[no-untyped-def]
    if pool.ndim == 2:
        pool[block, 0] = meta[1 + level]
    else:
        pool[block] = meta[1 + level]
    meta[1 + level] = block


@numba.njit(cache=True, nogil=True)
def move_up(key, heads, pool, meta):  # type: ignore[no-untyped-def]
    """Move a full list into a block twice the size; False when the pool must grow first."""
    base, n, level = heads[key, 0], heads[key, 1], heads[key, 2]
    higher = np.int64(FIRST) if level < 0 and pool.ndim == 1 else level + 1
    block = take_block(higher, meta, pool)
    if block < 0:
        return False
    if level >= 0:
        for r in range(n):  # a slice would be checked for overlap first
            if pool.ndim == 2:
                for c in range(pool.shape[1]):
                    pool[block + r, c] = pool[base + r, c]
            else:
                pool[block + r] = pool[base + r]
        give_block(base, level, meta, pool)
    heads[key, 0] = block
    heads[key, 2] = higher
    return True


@numba.njit(cache=True, nogil=True)
def _repack(heads, pool, packed):  # type: ignore[no-untyped-def]
    """Lay the lists one behind the other, each in the smallest block; rows used. heads change."""
    used = np.int64(0)
    for key in range(len(heads)):
        start, n = heads[key, 0], heads[key, 1]
        level = np.int64(-1)
        if n > 0:
            level = np.int64(0)
            while 1 << level < n:
                level += 1
            packed[used : used + n] = pool[start : start + n]
        heads[key, 0], heads[key, 2] = used, level
        if n > 0:
            used += 1 << level
    return used


class Blocks:
    """The arrays of one set of lists; `columns` int64 columns a row (0: plain int32 rows)."""

    def __init__(self, columns: int = 0, room: Room = MEMORY) -> None:
        self.columns, self.room = columns, room
        self.clear()

    def clear(self) -> None:
        self.heads = np.tile(_NO_LIST, (64, 1))
        shape = (256, self.columns) if self.columns else (256,)
        self.pool: NDArray[np.generic] = np.empty(shape, np.int64 if self.columns else np.int32)
        self.meta = np.full(2 + LEVELS, -1, np.int64)
        self.meta[0] = 0

    def reserve_keys(self, keys: int) -> None:
        """Make room for keys 0 .. keys-1; new ones have empty lists."""
        had = len(self.heads)
        if keys <= had:
            return
        self.heads = self.room.grown(self.heads, max(2 * had, keys))
        self.heads[had:] = _NO_LIST

    def grow_pool(self) -> None:
        self.pool = self.room.longer(self.pool, 2 * len(self.pool))

    def keep(self, keys: NDArray[np.int64]) -> None:
        """Forget every list but these; list keys[i] becomes list i, the pool is packed."""
        heads = self.room.empty((max(len(keys), 64), 3), np.int64)
        heads[:] = _NO_LIST
        known = keys < len(self.heads)
        heads[np.flatnonzero(known)] = self.heads[keys[known]]
        rows = int(np.sum(2 * heads[:, 1])) + 256
        packed = self.room.empty((rows, *self.pool.shape[1:]), self.pool.dtype)
        used = _repack(heads, self.pool, packed)
        self.heads, self.pool = heads, packed
        self.meta[:] = -1
        self.meta[0] = used

    def memory(self) -> int:
        """The bytes in use."""
        row = self.pool.itemsize * max(self.columns, 1)
        return self.heads.nbytes + int(self.meta[0]) * row

    def dump(self) -> dict[str, NDArray[np.generic]]:
        used = int(self.meta[0])
        return {
            "heads": self.heads,
            "pool": self.pool[:used],
            "meta": self.meta,
        }

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self.heads, self.meta = self.room.copied(arrays["heads"]), np.array(arrays["meta"])
        self.pool = self.room.roomy(arrays["pool"])
