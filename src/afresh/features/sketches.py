"""Sketches: how many distinct values a window saw, from the k least hashes of each tile.

One set holds, per key, rows [tile, hash] sorted by both; a tile keeps its k least hashes, each
once. So neither order nor repetition shows, and the k least of several tiles together are the k
least of all their values (bottom-k: Cohen and Kaplan, PODC 2007). With fewer than k of them, that
is how many there are; else (k - 1) * 2**64 / the k-th least is an unbiased estimate, with a
relative standard error of 1 / sqrt(k - 2) (Beyer et al., SIGMOD 2007): 6 % for k = 256.

A hash is 64 bits, kept as an int64 whose order is that of the bits: 2**63 less.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.blocks import Blocks, move_up
from afresh.features.plan import Distinct
from afresh.features.room import MEMORY, Room

_TOP = np.uint64(1 << 63)


@numba.njit(cache=True, nogil=True)
def _place(base, n, tile, hashed, pool):  # type: ignore[no-untyped-def]
    """How many of the n rows from `base` on stand before (tile, hash)."""
    low, high = np.int64(0), n
    while low < high:
        middle = (low + high) // 2
        at = pool[base + middle, 0]
        if at < tile or (at == tile and pool[base + middle, 1] < hashed):
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(cache=True, nogil=True)
def _dead(base, n, width, dead_before, pool):  # type: ignore[no-untyped-def]
    """How many of a list's first rows are of tiles that end at or before `dead_before`."""
    dead = 0
    while dead < n and (pool[base + dead, 0] + 1) * width <= dead_before:
        dead += 1
    return dead


@numba.njit(cache=True, nogil=True)
def _fold(first, ts, kinds, keys, known, hashes, wanted, width, k, dead_before,  # type: ignore[no-untyped-def]
          heads, pool, meta):  # fmt: skip
    """Fold events first..n; returns the index of the event for which the pool was too small.

    keys int64[n] (-1: none); known bool[n]: the event has a value, whose hash is hashes int64[n].
    """
    alive_from = dead_before // width * width
    least = np.iinfo(np.int64).min
    for i in range(first, len(ts)):
        key = keys[i]
        if key < 0 or not known[i] or not wanted[kinds[i]] or ts[i] < alive_from:
            continue
        tile, hashed = ts[i] // width, hashes[i]
        base, n, lift = heads[key, 0], heads[key, 1], heads[key, 2]
        at = _place(base, n, tile, hashed, pool)
        if at < n and pool[base + at, 0] == tile and pool[base + at, 1] == hashed:
            continue
        end = _place(base, n, tile + 1, least, pool)
        if end - _place(base, n, tile, least, pool) == k:
            if at == end:
                continue
            last = end - 1  # the greatest of the tile gives way
        else:
            if lift < 0 or n == 1 << lift:
                dead = _dead(base, n, width, dead_before, pool)
                if dead > 0:
                    for r in range(dead, n):
                        pool[base + r - dead] = pool[base + r]
                    n -= dead
                    at -= dead
                elif move_up(key, heads, pool, meta):
                    base = heads[key, 0]
                else:
                    return i
            last = n
            heads[key, 1] = n + 1
        for r in range(last, at, -1):
            pool[base + r] = pool[base + r - 1]
        pool[base + at, 0] = tile
        pool[base + at, 1] = hashed
    return len(ts)


@numba.njit(cache=True, nogil=True)
def count_distinct(keys, heads, pool, firsts, past, k, out):  # type: ignore[no-untyped-def]
    """out float64[n]: about how many distinct values each key saw in tiles [firsts[e], past)."""
    held, merged = np.empty(k, np.int64), np.empty(k, np.int64)
    least = np.iinfo(np.int64).min
    for e in range(len(keys)):
        key, size = keys[e], 0
        if key < 0 or key >= len(heads):
            out[e] = 0.0
            continue
        base, n = heads[key, 0], heads[key, 1]
        end = base + _place(base, n, past, least, pool)
        while end > base and pool[end - 1, 0] >= firsts[e]:
            start = end - 1
            while start > base and pool[start - 1, 0] == pool[end - 1, 0]:
                start -= 1
            a, r, used = 0, start, 0
            while used < k and (a < size or r < end):
                if r == end or (a < size and held[a] <= pool[r, 1]):
                    if r < end and held[a] == pool[r, 1]:
                        r += 1
                    merged[used] = held[a]
                    a += 1
                else:
                    merged[used] = pool[r, 1]
                    r += 1
                used += 1
            held, merged, size = merged, held, used
            end = start
        if size < k:
            out[e] = np.float64(size)
        else:
            kth = np.float64(np.uint64(held[k - 1]) ^ _TOP)
            out[e] = np.rint(np.float64(k - 1) * 2.0**64 / kth)


@numba.njit(cache=True, nogil=True)
def _drop_dead(width, dead_before, heads, pool):  # type: ignore[no-untyped-def]
    for key in range(len(heads)):
        base, n = heads[key, 0], heads[key, 1]
        dead = _dead(base, n, width, dead_before, pool)
        if dead:
            for r in range(dead, n):
                pool[base + r - dead] = pool[base + r]
            heads[key, 1] = n - dead


class Sketches:
    """The sketches of one `Distinct` of the plan."""

    def __init__(self, spec: Distinct, room: Room = MEMORY) -> None:
        self.spec = spec
        self.blocks = Blocks(2, room)
        self.wanted = np.zeros(256, np.bool_)
        self.wanted[list(spec.types)] = True

    def fold(
        self,
        ts: NDArray[np.int64],
        kinds: NDArray[np.uint8],
        keys: NDArray[np.int64],
        known: NDArray[np.bool_],
        hashes: NDArray[np.int64],
        newest: int,
        n_keys: int,
    ) -> None:
        """Fold a batch. newest: F before or after it; only rows no read can see depend on it."""
        b, spec, done = self.blocks, self.spec, 0
        b.reserve_keys(n_keys)
        while True:
            done = _fold(
                done, ts, kinds, keys, known, hashes, self.wanted, spec.width, spec.k,
                newest - spec.reach, b.heads, b.pool, b.meta,
            )  # fmt: skip
            if done == len(ts):
                return
            b.grow_pool()

    def rows(self, key: int) -> NDArray[np.int64]:
        """A key's rows [tile, hash], those of dead tiles as well: int64[n, 2]."""
        b = self.blocks
        if not 0 <= key < len(b.heads):
            return np.empty((0, 2), np.int64)
        start, n, _ = b.heads[key].tolist()
        return b.pool[start : start + n].astype(np.int64)

    def sweep(self, newest: int) -> None:
        _drop_dead(self.spec.width, newest - self.spec.reach, self.blocks.heads, self.blocks.pool)
