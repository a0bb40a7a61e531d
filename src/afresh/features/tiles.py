"""Tiles: mergeable aggregates over aligned intervals of event time.

One family holds, per key, a list of rows sorted by (tile, group); a row is
[cell, slot 0, slot 1, ...] as int64, where cell = tile << GROUP_BITS | group and
tile = floor(timestamp / width). Newer events nearly always touch the last row, so
folding one is a comparison and a few additions; an older one is put where it
belongs. Adding is commutative, so order never shows.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import NULL
from afresh.features.blocks import AHEAD, Blocks, move_up, touch_lists
from afresh.features.plan import Family
from afresh.features.room import MEMORY, Room

GROUP_BITS = 30
GROUP_MASK = (1 << GROUP_BITS) - 1
OPS = {"n": 0, "weight": 1, "sum": 2, "min": 3, "max": 4, "min_ts": 5, "max_ts": 6,
       "sq_low": 7, "sq_high": 8}  # fmt: skip
LIMB_BITS = 31
LIMB_MASK = (1 << LIMB_BITS) - 1
"""Squares of numbers below 2**31 are kept in two sums, so that neither can overflow."""
LOW = np.iinfo(np.int64).min
HIGH = np.iinfo(np.int64).max
EMPTY = {"n": 0, "weight": 0, "sum": 0, "min": HIGH, "max": LOW, "min_ts": HIGH, "max_ts": LOW,
         "sq_low": 0, "sq_high": 0}  # fmt: skip
"""The value of a slot that nothing has touched."""


@numba.njit(cache=True, nogil=True)
def _fold(first, ts, kinds, keys, groups, numbers, adds, width, dead_before,  # type: ignore[no-untyped-def]
          ops, masks, inputs, empty, any_mask, heads, pool, meta):  # fmt: skip
    """Fold events first..n; returns the index of the event for which the pool was too small.

    ts int64[n]; kinds uint8[n] (255: unknown); keys int64[n] (-1: none); groups int64[n] or
    length 0; numbers int64[inputs, n]; dead_before: a tile ending at or before it is dead.
    Slots: ops int8[s], masks uint64[s] over kinds, inputs int64[s] or -1; adds int64[64, s]:
    what an event of a kind adds to a slot whatever it says.
    """
    split = len(groups) > 0
    slots = len(ops)
    one = np.uint64(1)
    nullable, varied = False, False
    for s in range(slots):
        nullable |= inputs[s] >= 0
        varied |= ops[s] >= 2 or inputs[s] >= 0
    alive_from = dead_before // width * width
    tile, tile_from = np.int64(0), np.int64(0)
    for i in range(first, len(ts)):
        if i == first or i % AHEAD == 0:
            touch_lists(
                keys,
                i,
                min(i - i % AHEAD + AHEAD, len(ts)),
                ts,
                alive_from,
                heads,
                pool[:, 0],
                meta,
            )
        key = keys[i]
        kind = kinds[i]
        if key < 0 or ts[i] < alive_from or kind > 63 or not (any_mask >> np.uint64(kind)) & one:
            continue
        if ts[i] < tile_from or ts[i] - tile_from >= width:  # else it is the last one's
            tile = np.int64(np.uint64(ts[i]) // np.uint64(width))
            tile_from = tile * width
        bit = one << np.uint64(kind)
        if nullable:
            touched = False
            for s in range(slots):
                if masks[s] & bit and (inputs[s] < 0 or numbers[inputs[s], i] != NULL):
                    touched = True
            if not touched:
                continue
        cell = (tile << GROUP_BITS) | (groups[i] if split else 0)
        base, n, lift = heads[key, 0], heads[key, 1], heads[key, 2]
        at = n
        while at > 0 and pool[base + at - 1, 0] > cell:
            at -= 1
        if at == 0 or pool[base + at - 1, 0] != cell:
            if lift < 0 or n == 1 << lift:
                dead = 0
                while (
                    dead < n and ((pool[base + dead, 0] >> GROUP_BITS) + 1) * width <= dead_before
                ):
                    dead += 1
                if dead > 0:
                    for r in range(dead, n):
                        for c in range(slots + 1):
                            pool[base + r - dead, c] = pool[base + r, c]
                    n -= dead
                    at = max(at - dead, 0)
                else:
                    if not move_up(key, heads, pool, meta):
                        return i
                    base = heads[key, 0]
            for r in range(n, at, -1):
                for c in range(slots + 1):
                    pool[base + r, c] = pool[base + r - 1, c]
            pool[base + at, 0] = cell
            for s in range(slots):
                pool[base + at, 1 + s] = empty[s]
            heads[key, 1] = n + 1
        else:
            at -= 1
        row = base + at
        for s in range(slots):
            pool[row, 1 + s] += adds[kind, s]
        if not varied:
            continue
        for s in range(slots):
            op = ops[s]
            if (op < 2 and inputs[s] < 0) or not masks[s] & bit:
                continue
            v = np.int64(0)
            if inputs[s] >= 0:
                v = numbers[inputs[s], i]
                if v == NULL:
                    continue
            if op == 0:
                pool[row, 1 + s] += 1
            elif op == 2:
                pool[row, 1 + s] += v
            elif op == 3:
                pool[row, 1 + s] = min(pool[row, 1 + s], v)
            elif op == 4:
                pool[row, 1 + s] = max(pool[row, 1 + s], v)
            elif op == 5:
                pool[row, 1 + s] = min(pool[row, 1 + s], ts[i])
            elif op == 6:
                pool[row, 1 + s] = max(pool[row, 1 + s], ts[i])
            elif op == 7:
                pool[row, 1 + s] += (v * v) & LIMB_MASK
            else:
                pool[row, 1 + s] += (v * v) >> LIMB_BITS
    return len(ts)


@numba.njit(cache=True, nogil=True)
def _drop_dead(dead_before, width, heads, pool):  # type: ignore[no-untyped-def]
    """Forget rows whose tile is dead; returns how many rows are left."""
    left = 0
    for key in range(len(heads)):
        base, n, dead = heads[key, 0], heads[key, 1], 0
        while dead < n and ((pool[base + dead, 0] >> GROUP_BITS) + 1) * width <= dead_before:
            dead += 1
        if dead:
            for r in range(dead, n):
                pool[base + r - dead] = pool[base + r]
            heads[key, 1] = n - dead
        left += n - dead
    return left


class Tiles:
    """The tiles of one family of the plan."""

    def __init__(self, family: Family, weights: NDArray[np.int64], room: Room = MEMORY) -> None:
        """weights: int64[256] of the plan's event types, by their codes."""
        self.family = family
        self.blocks = Blocks(1 + len(family.slots), room)
        self.ops = np.array([OPS[slot.op] for slot in family.slots], np.int8)
        self.masks = np.array([_mask(slot.types) for slot in family.slots], np.uint64)
        self.inputs = np.array(
            [-1 if slot.input is None else slot.input for slot in family.slots], np.int64
        )
        self.empty = np.array([EMPTY[slot.op] for slot in family.slots], np.int64)
        self.adds = np.zeros((64, len(family.slots)), np.int64)
        for at, slot in enumerate(family.slots):
            if slot.op in ("n", "weight") and slot.input is None:
                kinds = list(slot.types)
                self.adds[kinds, at] = 1 if slot.op == "n" else weights[kinds]
        self.any_mask = np.bitwise_or.reduce(self.masks)

    def fold(
        self,
        ts: NDArray[np.int64],
        kinds: NDArray[np.uint8],
        keys: NDArray[np.int64],
        groups: NDArray[np.int64],
        numbers: NDArray[np.int64],
        newest: int,
        n_keys: int,
    ) -> None:
        """Fold a batch. newest: F before or after it; only rows no read can see depend on it."""
        b = self.blocks
        b.reserve_keys(n_keys)
        dead_before, done = newest - self.family.reach, 0
        while True:
            done = _fold(
                done, ts, kinds, keys, groups, numbers, self.adds, self.family.width, dead_before,
                self.ops, self.masks, self.inputs, self.empty, self.any_mask,
                b.heads, b.pool, b.meta,
            )  # fmt: skip
            if done == len(ts):
                return
            b.grow_pool()

    def sweep(self, newest: int) -> int:
        b = self.blocks
        return int(_drop_dead(newest - self.family.reach, self.family.width, b.heads, b.pool))


def _mask(types: tuple[int, ...]) -> int:
    return sum(1 << code for code in types)
