"""The n best of many, by a heap of n: one look at each, and no sort of what is left behind."""

from __future__ import annotations

import numba
import numpy as np


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
def top(values, keys, n):  # type: ignore[no-untyped-def]
    """The rows of the n greatest values float64[m], in falling order; ties go to the lower of
    keys int64[m]."""
    n = min(n, len(values))
    heap = np.arange(n)
    for at in range(n // 2 - 1, -1, -1):
        _sink(heap, n, values, keys, at)
    for row in range(n, len(values)):
        if n == 0 or values[row] < values[heap[0]]:
            continue
        if values[row] > values[heap[0]] or keys[row] < keys[heap[0]]:
            heap[0] = row
            _sink(heap, n, values, keys, 0)
    for end in range(n - 1, 0, -1):
        heap[0], heap[end] = heap[end], heap[0]
        _sink(heap, end, values, keys, 0)
    return heap
