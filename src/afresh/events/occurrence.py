"""Ids for imported events that have none: content, and how often it came before.

Two equal lines of a file are two events; the same file twice is the same events. So
an id is made of the event's content and of its occurrence number within the import.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import EventBatch
from afresh.events.hashing import hash_content

SEEDS = np.array([[3, 5, 7], [11, 13, 17]], np.uint64) * np.uint64(0x9E3779B97F4A7C15)
"""Fixed, so that an id is the same on every machine, always."""


@numba.njit(cache=True, nogil=True)
def _count(first, high, low, missing, table, held, out):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(table) - 1)
    for i in range(first, len(high)):
        if not missing[i]:
            continue
        if held[0] * 8 >= len(table) * 5:
            return i
        slot = high[i] & mask
        while table[slot, 2] != 0 and (table[slot, 0] != high[i] or table[slot, 1] != low[i]):
            slot = (slot + np.uint64(1)) & mask
        if table[slot, 2] == 0:
            held[0] += 1
            table[slot, 0], table[slot, 1] = high[i], low[i]
        out[i] = table[slot, 2]
        table[slot, 2] += np.uint64(1)
    return len(high)


@numba.njit(cache=True, nogil=True)
def _refill(old, table):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(table) - 1)
    for k in range(len(old)):
        if old[k, 2] != 0:
            slot = old[k, 0] & mask
            while table[slot, 2] != 0:
                slot = (slot + np.uint64(1)) & mask
            table[slot] = old[k]


class Occurrences:
    """Counts contents over one import; 24 bytes for each distinct one."""

    def __init__(self) -> None:
        self.table = np.zeros((1 << 12, 3), np.uint64)
        self.held = np.zeros(1, np.int64)

    def name(self, batch: EventBatch) -> None:
        """Give each event of the batch without an id one of 32 hex digits."""
        given = batch.strings("event_id")
        missing = np.array([not text for text in given], np.bool_)
        if not missing.any():
            return
        high, low = (hash_content(batch, seeds) for seeds in SEEDS)
        nth = np.zeros(batch.n, np.uint64)
        done = 0
        while (done := _count(done, high, low, missing, self.table, self.held, nth)) < batch.n:
            self._grow()
        made = _hex(high, low ^ (nth * np.uint64(0x9E3779B97F4A7C15)))
        ids = [text or made[32 * i : 32 * i + 32] for i, text in enumerate(given)]
        batch.texts["event_id"] = "\0".join(ids).encode()

    def _grow(self) -> None:
        table = np.zeros((2 * len(self.table), 3), np.uint64)
        _refill(self.table, table)
        self.table = table


def _hex(high: NDArray[np.uint64], low: NDArray[np.uint64]) -> str:
    return np.column_stack([high, low]).astype(">u8").tobytes().hex()
