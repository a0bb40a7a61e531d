"""The n best of many, by a heap of n, and no sort of what is left behind.

Where they are many, they are dealt into bins by their value first, so that only those of the
highest bins come before the heap: each that enters it costs as much as a hundred that do not.
"""

from __future__ import annotations

import numba
import numpy as np

BINS, SPARE = 512, 8
FINE = 47
"""Bits of a number that are left out, at the most: 32 bins an octave, sixteen octaves below the
greatest."""


@numba.njit(cache=True, nogil=True)
def _sink(heap, end, values, keys, at):  # type: ignore[no-untyped-def]
    """Let heap[at] sink among heap[:end], rows of which the worst stands first."""
    row = heap[at]
    while 2 * at + 1 < end:
        child = 2 * at + 1
        other = child + 1
        if other < end:
            a, b = heap[child], heap[other]
            if values[b] < values[a] or (values[b] == values[a] and keys[b] > keys[a]):
                child = other
        below = heap[child]
        if values[row] < values[below] or (
            values[row] == values[below] and keys[row] >= keys[below]
        ):
            break
        heap[at] = below
        at = child
    heap[at] = row


@numba.njit(cache=True, nogil=True)
def highest(values, n):  # type: ignore[no-untyped-def]
    """Rows of float[m], ascending, among which are those of the 0 < n <= m greatest and of all
    that equal them.

    The bins are those of the numbers' bits, which stand in the numbers' order and are fine where
    most scores lie: close to zero, far below the best.
    """
    plain = values.astype(np.float64) + 0.0  # no zero below zero
    keys = plain.view(np.int64)
    known, high, low = True, np.int64(-(2**63)), np.int64(2**63 - 1)
    for r in range(len(plain)):
        known &= plain[r] == plain[r]
        key = keys[r]
        key ^= (key >> 63) & np.int64(2**63 - 1)
        keys[r] = key
        high, low = max(high, key), min(low, key)
    if not known:
        return np.arange(len(values))
    shift = FINE
    while shift > 0 and (high >> shift - 1) - (low >> shift - 1) < BINS:
        shift -= 1
    lowest = (high >> shift) - BINS + 1
    counts = np.zeros(BINS + SPARE, np.int64)
    for r in range(len(keys)):  # what lies below all bins is counted in turn, in places of its own
        place = (keys[r] >> shift) - lowest
        counts[np.uint64(place if place >= 0 else BINS + (r & SPARE - 1))] += 1
    place, found = BINS - 1, counts[BINS - 1]
    while found < n and place > 0:
        place -= 1
        found += counts[place]
    if found < n:
        return np.arange(len(values))
    rows, used, border = np.empty(found + 1, np.int64), 0, lowest + place
    for r in range(len(keys)):
        rows[np.uint64(used)] = r
        used += keys[r] >> shift >= border
    return rows[:found]


@numba.njit(cache=True, nogil=True)
def top(values, keys, n):  # type: ignore[no-untyped-def]
    """The rows of the n greatest values float64[m], in falling order; ties go to the lower of
    keys int64[m]."""
    n = min(n, len(values))
    rows = highest(values, n) if 0 < 4 * n < len(values) else np.arange(len(values))
    heap = rows[:n].copy()
    for at in range(n // 2 - 1, -1, -1):
        _sink(heap, n, values, keys, at)
    for at in range(n, len(rows) if n else 0):
        row = rows[at]
        if values[row] < values[heap[0]]:
            continue
        if values[row] > values[heap[0]] or keys[row] < keys[heap[0]]:
            heap[0] = row
            _sink(heap, n, values, keys, 0)
    for end in range(n - 1, 0, -1):
        heap[0], heap[end] = heap[end], heap[0]
        _sink(heap, end, values, keys, 0)
    return heap
