"""Sequences: per key, the newest facts in total order.

The same structure serves users' recent events, the events of a session, and the
postings of an item; only the key differs. A list may for a while hold more
than it should (up to twice `keep`, and facts past `within`): reads and the
canonical form look at the newest `keep` facts that are alive, so when a list is trimmed
cannot be observed.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.blocks import AHEAD, LEVELS, Blocks, move_up
from afresh.features.event_ids import before
from afresh.features.facts import Facts
from afresh.features.room import MEMORY, Room


@numba.njit(cache=True, nogil=True)
def _touch(rows, keys, first, last, known, ts, heads, pool, meta):  # type: ignore[no-untyped-def]
    """As blocks.touch_lists, and, where it will be asked for, the last fact's timestamp."""
    seen = np.int64(0)
    for i in range(first, last):
        row, key = rows[i], keys[i]
        if row >= 0 and key >= 0 and heads[key, 1] > 0:
            other = pool[heads[key, 0] + heads[key, 1] - 1]
            seen ^= np.int64(other) if ts[row] > known else ts[other]
    meta[1 + LEVELS] = seen


@numba.njit(cache=True, nogil=True)
def _insert(first, rows, keys, kinds, wanted, keep, dead_before, first_new, known,  # type: ignore[no-untyped-def]
            ts, tag, hi, lo, arena, heads, pool, meta):  # fmt: skip
    """Insert facts rows[first:] into the lists of keys; returns where the pool was too small.

    rows, keys int64[n] (-1: none), rows ascending and in total order from first_new on.
    A fact with ts <= dead_before is dead; no fact before first_new has ts > known.
    """
    top = 0
    while 1 << top < 2 * keep:
        top += 1
    for i in range(first, len(rows)):
        if i == first or i % AHEAD == 0:
            ahead = min(i - i % AHEAD + AHEAD, len(rows))
            _touch(rows, keys, i, ahead, known, ts, heads, pool, meta)
        row, key = rows[i], keys[i]
        if row < 0 or key < 0 or not wanted[kinds[i]] or ts[row] <= dead_before:
            continue
        base, n, lift = heads[key, 0], heads[key, 1], heads[key, 2]
        if lift < 0 or n == 1 << lift:
            drop = max(n - keep, 0)
            while drop < n and ts[pool[base + drop]] <= dead_before:
                drop += 1
            if drop > 0:
                for r in range(drop, n):
                    pool[base + r - drop] = pool[base + r]
                n -= drop
            elif lift < top:
                if not move_up(key, heads, pool, meta):
                    return i
                base = heads[key, 0]
        at = n
        while at > 0 and ts[row] <= known:
            other = pool[base + at - 1]
            if other >= first_new or not before(row, other, ts, tag, hi, lo, arena):
                break
            pool[base + at] = other
            at -= 1
        pool[base + at] = row
        heads[key, 1] = n + 1
    return len(rows)


@numba.njit(cache=True, nogil=True)
def alive(key, keep, dead_before, ts, heads, pool):  # type: ignore[no-untyped-def]
    """The slice [a, b) of the pool that holds a key's living facts, oldest first."""
    if key < 0 or key >= len(heads):
        return np.int64(0), np.int64(0)
    b = heads[key, 0] + heads[key, 1]
    a = max(heads[key, 0], b - keep)
    if a == b or ts[pool[a]] > dead_before:
        return a, b
    end = b
    while a < end:  # they lie in the order of time
        middle = (a + end) // 2
        if ts[pool[middle]] <= dead_before:
            a = middle + 1
        else:
            end = middle
    return a, b


class Kept(NamedTuple):
    """Lists as one argument of a kernel; good until the next fold."""

    keep: int
    within: int
    heads: NDArray[np.generic]
    pool: NDArray[np.generic]


@numba.njit(cache=True, nogil=True)
def living(kept, key, newest, ts):  # type: ignore[no-untyped-def]
    """A key's living facts, oldest first: rows int32[at most keep], a part of the pool."""
    first, last = alive(key, kept.keep, newest - kept.within, ts, kept.heads, kept.pool)
    return kept.pool[first:last]


@numba.njit(cache=True, nogil=True)
def _sweep(keep, dead_before, ts, heads, pool, used):  # type: ignore[no-untyped-def]
    """Trim every list to its living facts and mark those in used bool[facts]."""
    for key in range(len(heads)):
        a, b = alive(key, keep, dead_before, ts, heads, pool)
        base = heads[key, 0]
        for r in range(a, b):
            pool[base + r - a] = pool[r]
            used[pool[r]] = True
        heads[key, 1] = b - a


@numba.njit(cache=True, nogil=True)
def _renumber(moved, heads, pool):  # type: ignore[no-untyped-def]
    for key in range(len(heads)):
        for r in range(heads[key, 0], heads[key, 0] + heads[key, 1]):
            pool[r] = moved[pool[r]]


class Lists:
    """Lists of fact rows by key, the newest `keep` within `within` ms of F.

    wanted bool[256]: the event types that count.
    """

    def __init__(self, keep: int, within: int, types: tuple[int, ...], room: Room = MEMORY) -> None:
        self.keep = keep
        self.within = within
        self.wanted = np.zeros(256, np.bool_)
        self.wanted[list(types)] = True
        self.blocks = Blocks(room=room)

    def insert(
        self,
        facts: Facts,
        rows: NDArray[np.int64],
        keys: NDArray[np.int64],
        n_keys: int,
        kinds: NDArray[np.uint8],
        newest: int,
        first_new: int,
        known: int,
    ) -> None:
        """Insert a batch: its rows among the facts, their keys, their event types.

        The rows are in total order; those of this batch begin at first_new. known: F before it,
        so that what is newer needs no comparing.
        """
        b = self.blocks
        b.reserve_keys(n_keys)
        done = 0
        while True:
            done = _insert(
                done, rows, keys, kinds, self.wanted, self.keep, newest - self.within,
                first_new, known,
                facts.ts, facts.tag, facts.hi, facts.lo, facts.arena,
                b.heads, b.pool, b.meta,
            )  # fmt: skip
            if done == len(rows):
                return
            b.grow_pool()

    @property
    def kept(self) -> Kept:
        return Kept(self.keep, self.within, self.blocks.heads, self.blocks.pool)

    def rows(self, facts: Facts, key: int, newest: int) -> NDArray[np.int32]:
        """A key's living facts, oldest first: int32[at most keep]."""
        return np.array(living(self.kept, key, newest, facts.ts), np.int32)

    def sweep(self, facts: Facts, newest: int, used: NDArray[np.bool_]) -> None:
        b = self.blocks
        _sweep(self.keep, newest - self.within, facts.ts, b.heads, b.pool, used)

    def renumber(self, moved: NDArray[np.int64]) -> None:
        b = self.blocks
        _renumber(moved, b.heads, b.pool)
