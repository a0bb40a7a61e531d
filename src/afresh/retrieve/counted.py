"""What is known of each item's postings without a look at them: how many, from when to when.

A request asks this of thousands of items, and each answer waits for memory three times: for the
head of the list, for its first row, for that row's time. An event changes one item's; so what was
found stands until an event of the item is folded, or until its first posting is too old.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numba
import numpy as np

from afresh.features.engines.embedded import State

BLOCK = 4096
"""Facts of which the earliest time is kept."""


class Counted:
    """Of one state. ends int64[items, 3]: the number of an item's postings (-1: not known), and
    the times of the first and the last, UTC ms. index: the last one made of the state, and what it
    stands for: a request asks for it several times."""

    def __init__(self) -> None:
        self.ends = np.empty((0, 3), np.int64)
        self.index: tuple[tuple[int, int, int, int], Any] | None = None
        self._earliest = np.empty(0, np.int64)
        self._mark, self._sweeps, self._safe = 0, -1, (-1, -1, 0)

    def follow(self, state: State) -> None:
        """Hear of what was folded since the last time."""
        facts = state.facts
        if self._sweeps != state.sweeps:
            self.ends = np.empty((0, 3), np.int64)
            self._mark, self._sweeps = 0, state.sweeps
        if len(state.items) > len(self.ends):
            self.ends = np.concatenate([self.ends, np.full((len(state.items), 3), -1, np.int64)])
        if self._mark == facts.used:
            return
        blocks = -(-facts.used // BLOCK)
        if blocks > len(self._earliest):
            self._earliest = np.concatenate([self._earliest, np.empty(blocks, np.int64)])
        _follow(facts.item, facts.ts, self._mark, facts.used, self.ends, self._earliest)
        self._mark = facts.used

    def safe(self, oldest: int) -> int:
        """A row from which on every fact is newer than `oldest`."""
        if self._safe[:2] != (oldest, self._mark):
            self._safe = oldest, self._mark, int(_safe(self._earliest, self._mark, oldest))
        return self._safe[2]


_of: WeakKeyDictionary[State, Counted] = WeakKeyDictionary()


def counted_of(state: State) -> Counted:
    """What is known of a state as it stands; whoever asks holds what guards the state."""
    found = _of.get(state)
    if found is None:
        found = _of[state] = Counted()
    found.follow(state)
    return found


@numba.njit(cache=True, nogil=True)
def _follow(item, ts, mark, used, ends, earliest):  # type: ignore[no-untyped-def]
    """Facts [mark, used) are new: forget what was known of their items, and set the earliest
    time of each block of facts, int64[blocks]."""
    for row in range(mark, used):
        ends[item[row], 0] = -1
        block = row // BLOCK
        if row % BLOCK == 0 or ts[row] < earliest[block]:
            earliest[block] = ts[row]


@numba.njit(cache=True, nogil=True)
def _safe(earliest, used, oldest):  # type: ignore[no-untyped-def]
    block = (used + BLOCK - 1) // BLOCK
    while block > 0 and earliest[block - 1] > oldest:
        block -= 1
    return min(block * BLOCK, used)
