"""The n best of many, by a heap of n, and no sort of what is left behind.

Where they are many, they are dealt into bins by their value first, so that only those of the
highest bins come before the heap: each that enters it costs as much as a hundred that do not.
"""

from __future__ import annotations

import numba
import numpy as np

BINS = 512


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
    that equal them."""
    low, high, known = np.inf, -np.inf, True
    for r in range(len(values)):
        value = np.float64(values[r])
        known &= value == value
        low = value if value < low else low
        high = value if value > high else high
    scale = (BINS - 1) / (high - low) if high > low else np.inf
    if not known or not 0.0 < scale < np.inf or not np.isfinite(low):
        return np.arange(len(values))
    bins, counts = np.empty(len(values), np.int32), np.zeros(BINS, np.int64)
    for r in range(len(values)):
        bins[r] = int((values[r] - low) * scale)
        counts[bins[r]] += 1
    lowest, found = BINS - 1, counts[BINS - 1]
    while found < n:
        lowest -= 1
        found += counts[lowest]
    rows, used = np.empty(found, np.int64), 0
    for r in range(len(values)):
        if bins[r] >= lowest:
            rows[used] = r
            used += 1
    return rows


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
