"""Text columns: strings of UTF-8 joined by NUL, and how to find and pick them."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.events.words import first_byte, load_word, zero_bytes


@numba.njit(cache=True, nogil=True)
def split_column(column, n):  # type: ignore[no-untyped-def]
    """Where each of n NUL-joined strings starts: int64[n+1]; the last entry is one past the end.

    String i is column[starts[i] : starts[i+1] - 1].
    """
    starts = np.empty(n + 1, np.int64)
    starts[0] = 0
    i = 1
    whole = len(column) - len(column) % 8
    for at in range(0, whole, 8):
        ends = zero_bytes(load_word(column, np.uint64(at)))
        while ends:
            starts[i] = at + first_byte(ends) + 1
            i += 1
            ends &= ends - np.uint64(1)
    for at in range(whole, len(column)):
        if column[at] == 0:
            starts[i] = at + 1
            i += 1
    starts[n] = len(column) + 1
    return starts


@numba.njit(cache=True, nogil=True)
def _take(data, starts, rows):  # type: ignore[no-untyped-def]
    size = 0
    for row in rows:
        size += starts[row + 1] - starts[row]
    out = np.zeros(max(size - 1, 0), np.uint8)
    at = 0
    for k in range(len(rows)):
        row = rows[k]
        for p in range(starts[row], starts[row + 1] - 1):
            out[at] = data[p]
            at += 1
        at += 1
    return out


def as_bytes(column: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(column, np.uint8)


def take_texts(column: bytes, n: int, rows: NDArray[np.integer]) -> bytes:
    """The strings at `rows` (int64[k]) of a column of n, as a column."""
    if not len(rows):
        return b""
    data = as_bytes(column)
    taken: NDArray[np.uint8] = _take(data, split_column(data, n), rows.astype(np.int64))
    return taken.tobytes()
