"""Walks over all items, which find the leaders of a trend: of a segment, or of all.

A walk over a trend that is split deals its items out to their segments; the leaders of one
are found when it is first asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.blocks import AHEAD
from afresh.features.plan import Read
from afresh.features.tiles import GROUP_BITS, GROUP_MASK
from afresh.features.windows import tile_range
from afresh.retrieve import Candidates, best
from afresh.store.replica import Replica

LEADERS = 1000


@numba.njit(cache=True, nogil=True)
def _deal(heads, pool, keys, first, slot, groups):  # type: ignore[no-untyped-def]
    """The items with something in a slot of tiles from `first` on, by their group.

    starts int64[groups + 1]; items int32[starts[-1]], those of group g from starts[g] on. An
    item may stand in several.
    """
    last = np.empty(groups, np.int64)
    places = np.zeros(groups, np.int64)
    starts = np.zeros(groups + 1, np.int64)
    items = np.empty(0, np.int32)
    for filling in range(2):
        last[:] = -1
        for key in range(keys):
            row = heads[key, 0] + heads[key, 1] - 1
            while row >= heads[key, 0] and pool[row, 0] >> GROUP_BITS >= first:
                group = pool[row, 0] & GROUP_MASK
                if pool[row, 1 + slot] > 0 and last[group] != key:
                    last[group] = key
                    if filling:
                        items[places[group]] = key
                    places[group] += 1
                row -= 1
        if not filling:
            starts[1:] = np.cumsum(places)
            places[:] = starts[:-1]
            items = np.empty(starts[-1], np.int32)
    return starts, items


@numba.njit(cache=True, nogil=True)
def _sums(heads, pool, keys, first, slot):  # type: ignore[no-untyped-def]
    """The sum of a slot over tiles from `first` on of a family that is not split: int64[keys].

    The newest rows of the next items are touched first, so that waits for memory overlap; what
    comes second is there for that alone.
    """
    sums, seen = np.zeros(keys, np.int64), np.int64(0)
    for key in range(keys):
        if key % AHEAD == 0:
            for later in range(key, min(key + AHEAD, keys)):
                if heads[later, 1] > 0:
                    seen ^= pool[heads[later, 0] + heads[later, 1] - 1, 0]
        row = heads[key, 0] + heads[key, 1] - 1
        while row >= heads[key, 0] and pool[row, 0] >> GROUP_BITS >= first:
            sums[key] += pool[row, 1 + slot]
            row -= 1
    return sums, seen


@dataclass(slots=True)
class Standing:
    """The items that may lead a group, and their exact scores: both int64[n], float64[n].

    True while the window begins at tile `first`, but for what was touched since there were `mark`
    facts. found: the `n` best of them, as last asked for.
    """

    first: int
    mark: int
    items: NDArray[np.int64]
    scores: NDArray[np.float64]
    n: int = -1
    found: Candidates = field(default_factory=Candidates)


@dataclass(slots=True)
class Walk:
    """What a walk found: at `at`, UTC ms, when there were `mark` facts of a generation. standing:
    by group."""

    at: int
    mark: int
    generation: int
    starts: NDArray[np.int64]
    items: NDArray[np.int32]
    standing: dict[int, Standing] = field(default_factory=dict)

    def of(self, group: int) -> NDArray[np.int64]:
        """The items of a group: int64[n]; of one that was not there yet, none."""
        if group + 1 >= len(self.starts):
            return np.empty(0, np.int64)
        return self.items[self.starts[group] : self.starts[group + 1]].astype(np.int64)


def walked(replica: Replica, read: Read, now: int) -> Walk:
    """A walk over all items; of a trend that is not split, its leaders too."""
    state = replica.state
    family, first = state.plan.families[read.family], tile_range(read.window, now)[0]
    b, mark = state.tiles[read.family].blocks, state.facts.used
    keys = min(len(b.heads), len(state.items))
    if family.split is not None:
        groups = 1 + len(replica.reader.group_names(family.split))
        dealt = _deal(b.heads, b.pool, keys, first, read.slot, groups)
        return Walk(now, mark, replica.generation, *dealt)
    sums = _sums(b.heads, b.pool, keys, first, read.slot)[0]
    items = np.flatnonzero(sums > 0)
    starts = np.array([0, len(items)], np.int64)
    walk = Walk(now, mark, replica.generation, starts, items.astype(np.int32))
    leaders = best(items, sums[items].astype(np.float64), LEADERS)
    walk.standing[0] = Standing(first, mark, leaders.items, leaders.scores)
    return walk
