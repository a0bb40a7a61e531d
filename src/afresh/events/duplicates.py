"""One id twice is one event: the door's memory of the ids it let in.

Each id is remembered as 128 bits with 32 bits of its content, for as long as a copy may still
come. An entry is [id high, id low, content << 32 | second of arrival] in an
open-addressing table; forgetting happens when the table is made anew.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

NEW, DUPLICATE, CONFLICT = 0, 1, 2

AHEAD = 128
"""Ids whose slots are read before they are judged."""


@numba.njit(cache=True, nogil=True)
def _touch(high, first, last, table, held):  # type: ignore[no-untyped-def]
    """Read the slots that ids first..last will want.

    Each read waits for memory; done for many ids at once, the waits overlap. What was read is
    kept in held[1], so that it is not optimised away.
    """
    mask = np.uint64(len(table) - 1)
    seen = np.uint64(0)
    for i in range(first, last):
        seen ^= table[high[i] & mask, 2]
    held[1] = np.int64(seen >> np.uint64(1))


@numba.njit(cache=True, nogil=True)
def _admit(first, high, low, content, arrival, oldest, table, held, verdict):  # type: ignore[no-untyped-def]
    """Judge and remember ids from `first` on; returns the index where the table is too full."""
    mask = np.uint64(len(table) - 1)
    one, word = np.uint64(1), np.uint64(32)
    stamp = np.uint64(arrival)
    for i in range(first, len(high)):
        if i == first or i % AHEAD == 0:
            _touch(high, i, min(i - i % AHEAD + AHEAD, len(high)), table, held)
        if held[0] * 8 >= len(table) * 5:
            return i
        slot = high[i] & mask
        verdict[i] = NEW
        while table[slot, 2] != 0:
            if table[slot, 0] == high[i] and table[slot, 1] == low[i]:
                known = table[slot, 2]
                if known & np.uint64(0xFFFFFFFF) > oldest:
                    verdict[i] = DUPLICATE if known >> word == content[i] >> word else CONFLICT
                break
            slot = (slot + one) & mask
        if verdict[i] == NEW:
            if table[slot, 2] == 0:
                held[0] += 1
            table[slot, 0] = high[i]
            table[slot, 1] = low[i]
            table[slot, 2] = (content[i] >> word) << word | stamp
    return len(high)


@numba.njit(cache=True, nogil=True)
def _forget(high, low, table):  # type: ignore[no-untyped-def]
    """Mark ids as long past, so that they are new again; their slots stay taken."""
    mask = np.uint64(len(table) - 1)
    for i in range(len(high)):
        slot = high[i] & mask
        while table[slot, 2] != 0:
            if table[slot, 0] == high[i] and table[slot, 1] == low[i]:
                table[slot, 2] = np.uint64(1)
                break
            slot = (slot + np.uint64(1)) & mask


@numba.njit(cache=True, nogil=True)
def _refill(old, oldest, table, held):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(table) - 1)
    for k in range(len(old)):
        if old[k, 2] & np.uint64(0xFFFFFFFF) <= oldest or old[k, 2] == 0:
            continue
        slot = old[k, 0] & mask
        while table[slot, 2] != 0:
            slot = (slot + np.uint64(1)) & mask
        for word in range(3):  # a row at once would be checked for overlap first
            table[slot, word] = old[k, word]
        held[0] += 1


class Duplicates:
    """Remembers ids for `horizon_s` seconds after they arrived.

    A second of arrival counts from 1, the process's choice of origin being 1970, and fits
    32 bits until 2106.
    """

    def __init__(self, horizon_s: int) -> None:
        self.horizon_s = horizon_s
        self.table = np.zeros((1 << 10, 3), np.uint64)
        self.held = np.zeros(2, np.int64)
        """Slots taken; a value without meaning."""

    def __len__(self) -> int:
        return int(self.held[0])

    def admit(
        self, ids: NDArray[np.uint64], content: NDArray[np.uint64], arrival_ms: int
    ) -> NDArray[np.uint8]:
        """NEW, DUPLICATE or CONFLICT for each id, the new ones remembered: uint8[n].

        ids: uint64[2, n]; content: uint64[n].
        """
        verdict = np.empty(ids.shape[1], np.uint8)
        second = arrival_ms // 1000
        oldest, done = np.uint64(max(second - self.horizon_s, 1)), 0
        while True:
            done = _admit(
                done, ids[0], ids[1], content, second, oldest, self.table, self.held, verdict
            )
            if done == len(verdict):
                return verdict
            self._rebuild(oldest)

    def forget(self, ids: NDArray[np.uint64]) -> None:
        """Take back what `admit` remembered: the events did not become durable."""
        _forget(ids[0], ids[1], self.table)

    def _rebuild(self, oldest: np.uint64) -> None:
        living = int(np.count_nonzero((self.table[:, 2] & np.uint64(0xFFFFFFFF)) > oldest))
        slots = 1 << 10
        while slots * 5 // 8 <= living * 3 // 2:
            slots *= 2
        old, self.table = self.table, np.zeros((slots, 3), np.uint64)
        self.held[0] = 0
        _refill(old, oldest, self.table, self.held)

    def dump(self) -> dict[str, NDArray[np.generic]]:
        return {"table": self.table[self.table[:, 2] != 0]}

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        rows = arrays["table"].astype(np.uint64)
        slots = 1 << 10
        while slots * 5 // 8 <= len(rows):
            slots *= 2
        self.table = np.zeros((slots, 3), np.uint64)
        self.held[0] = 0
        _refill(rows, np.uint64(0), self.table, self.held)
