"""The total order of events, (timestamp, event_id), within a batch."""

from __future__ import annotations

import numba
import numpy as np

from afresh.features.event_ids import id_before

RUN = 64
"""Events of one moment that are put in order by counting; more are merged from such runs …"""
MANY = 160
"""… or, from here on, sorted byte by byte."""


@numba.njit(cache=True, nogil=True)
def _counting_sort(order, first, last, tag, hi, heads, run):  # type: ignore[no-untyped-def]
    """Sort order[first:last], at most RUN events, by `hi`; False where that decides nothing.

    An event's place is how many stand before it: comparisons without branches, many at a
    time. heads uint64[RUN] and run int64[RUN] are scratch.
    """
    n = last - first
    kind = tag[order[first]]
    for i in range(n):
        event = order[first + i]
        if tag[event] != kind:
            return False
        run[i], heads[i] = event, hi[event]
    if kind == 3:
        return False
    for i in range(n):
        head, place, same = heads[i], 0, 0
        for j in range(n):
            place += heads[j] < head
            same += heads[j] == head
        if same != 1:
            for k in range(n):
                order[first + k] = run[k]
            return False
        order[first + place] = run[i]
    return True


@numba.njit(cache=True, nogil=True)
def _radix_pass(order, first, last, words, shift, counts, space):  # type: ignore[no-untyped-def]
    """Sort order[first:last] by one byte of their words, stably; counts int64[257], of it."""
    place = np.int64(first)
    for b in range(256):
        n = counts[b]
        counts[b] = place
        place += n
    for k in range(first, last):
        event = order[k]
        byte = np.int64((words[event] >> np.uint64(shift)) & np.uint64(255))
        space[counts[byte]] = event
        counts[byte] += 1
    order[first:last] = space[first:last]


@numba.njit(cache=True, nogil=True)
def _radix_sort(order, first, last, tag, hi, lo, space):  # type: ignore[no-untyped-def]
    """Sort order[first:last] by (hi, lo), byte by byte from the last one; False where ids are
    packed in different ways, so that this says nothing. Bytes that all share cost nothing."""
    kind = tag[order[first]]
    counts = np.zeros((16, 256), np.int64)
    for k in range(first, last):
        event = order[k]
        if tag[event] != kind or kind == 3:
            return False
        low, high = lo[event], hi[event]
        for b in range(8):
            counts[b, np.int64(low & np.uint64(255))] += 1
            counts[8 + b, np.int64(high & np.uint64(255))] += 1
            low >>= np.uint64(8)
            high >>= np.uint64(8)
    for b in range(16):
        words, shift = (lo, 8 * b) if b < 8 else (hi, 8 * (b - 8))
        byte = np.int64((words[order[first]] >> np.uint64(shift)) & np.uint64(255))
        if counts[b, byte] < last - first:
            _radix_pass(order, first, last, words, shift, counts[b], space)
    return True


@numba.njit(cache=True, nogil=True)
def _insertion_sort(order, first, last, tag, hi, lo, arena):  # type: ignore[no-untyped-def]
    for k in range(first + 1, last):
        event, at = order[k], k
        while at > first:
            other = order[at - 1]
            if not id_before(
                tag[event], hi[event], lo[event], tag[other], hi[other], lo[other], arena
            ):
                break
            order[at] = other
            at -= 1
        order[at] = event


@numba.njit(cache=True, nogil=True)
def _merge_runs(order, first, last, width, space, tag, hi, lo, arena):  # type: ignore[no-untyped-def]
    """Merge neighbouring sorted runs of `width` in order[first:last]; space is as long as order."""
    for a in range(first, last, 2 * width):
        middle, end = min(a + width, last), min(a + 2 * width, last)
        i, j = a, middle
        for k in range(a, end):
            take_right = i >= middle
            if not take_right and j < end:
                x, y = order[j], order[i]
                take_right = id_before(tag[x], hi[x], lo[x], tag[y], hi[y], lo[y], arena)
            if take_right:
                space[k] = order[j]
                j += 1
            else:
                space[k] = order[i]
                i += 1
    order[first:last] = space[first:last]


@numba.njit(cache=True, nogil=True)
def sort_ties(order, ts, tag, hi, lo, arena):  # type: ignore[no-untyped-def]
    """Put events of one timestamp in the order of their ids; order int64[n] is by ts already.

    Returns whether the order is that of the events as given.
    """
    n = len(order)
    space = np.empty(0, np.int64)
    heads, run = np.empty(RUN, np.uint64), np.empty(RUN, np.int64)
    first = 0
    while first < n:
        last, moment = first + 1, ts[order[first]]
        while last < n and ts[order[last]] == moment:
            last += 1
        if last - first > RUN and len(space) == 0:
            space = np.empty(n, np.int64)
        if last - first >= MANY and _radix_sort(order, first, last, tag, hi, lo, space):
            first = last
            continue
        for a in range(first, last, RUN):
            b = min(a + RUN, last)
            if b - a > 1 and not _counting_sort(order, a, b, tag, hi, heads, run):
                _insertion_sort(order, a, b, tag, hi, lo, arena)
        width = RUN
        while width < last - first:
            _merge_runs(order, first, last, width, space, tag, hi, lo, arena)
            width *= 2
        first = last
    as_given = True
    for k in range(n):
        as_given &= order[k] == k
    return as_given
