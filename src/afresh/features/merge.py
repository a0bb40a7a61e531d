"""Merging tiles into values: the kernels of the one reader.

Integers are added as integers; a decayed sum is float64, tiles added in ascending
order, so a value never depends on how the tiles were stored.
"""

from __future__ import annotations

import numba
import numpy as np

from afresh.features.tiles import GROUP_BITS, GROUP_MASK, HIGH, LOW

SUM, LEAST, MOST, DECAYED = 0, 1, 2, 3
AHEAD = 16
"""Entities whose rows are touched before they are merged: waits for memory overlap."""
LINE = np.uint64(2)
"""Rows from one touch to the next: about a cache line."""
ZERO, ONE = np.uint64(0), np.uint64(1)


@numba.njit(cache=True, nogil=True)
def empty(how):  # type: ignore[no-untyped-def]
    """What merging no tile gives."""
    return np.int64(HIGH) if how == LEAST else np.int64(LOW) if how == MOST else np.int64(0)


@numba.njit(cache=True, nogil=True)
def rows_of(key, heads):  # type: ignore[no-untyped-def]
    """Where a key's rows begin and end in the pool, uint64 both."""
    if key < 0 or key >= len(heads):
        return ZERO, ZERO
    base = np.uint64(heads[key, 0])
    return base, base + np.uint64(heads[key, 1])


@numba.njit(cache=True, nogil=True)
def since(base, end, pool, first):  # type: ignore[no-untyped-def]
    """The first of the rows [base, end) whose tile is `first` or newer."""
    while end > base and pool[end - ONE, ZERO] >> GROUP_BITS >= first:
        end -= ONE
    return end


@numba.njit(cache=True, nogil=True)
def join(how, value, slot, row, past, pool):  # type: ignore[no-untyped-def]
    """value int64 merged with a slot of the rows [row, past)."""
    if how == SUM:
        for at in range(row, past):
            value += pool[at, slot]
    elif how == LEAST:
        for at in range(row, past):
            value = min(value, pool[at, slot])
    else:
        for at in range(row, past):
            value = max(value, pool[at, slot])
    return value


@numba.njit(cache=True, nogil=True)
def as_float(how, value):  # type: ignore[no-untyped-def]
    """A merged integer as float64; the least and the most of nothing are NaN."""
    if how != SUM and value in (HIGH, LOW):
        return np.nan
    return np.float64(value)


@numba.njit(cache=True, nogil=True)
def gather(keys, heads, pool, now, width, totals, windows, reads, apart, weights, parts):  # type: ignore[no-untyped-def]
    """Merge the windows of one family for many keys; writes rows of parts float64[all, n].

    keys int64[n] (-1: nothing known). Windows open at their new end lie within one another, so
    one walk from the newest row back serves them all: totals int64[t, 2] = slot, how, by how;
    windows int64[w, 2] = back in ms, where its reads end, the shortest first; reads
    int64[r, 2] = total, row of parts. What is read apart: int64[a, 6] = slot, how, back, 1 if it is
    one tile only, row of parts, where its weights begin in weights float64; tile t of a decayed one
    counts weights[now // width - t].
    """
    at_tile = now // width
    merged = np.empty(len(totals), np.int64)
    slots = np.empty(len(totals), np.uint64)
    leasts, mosts = 0, 0
    for t in range(len(totals)):
        slots[t] = np.uint64(1 + totals[t, 0])
        leasts += totals[t, 1] == SUM
        mosts += totals[t, 1] != MOST
    firsts = np.empty(len(windows), np.int64)
    for w in range(len(windows)):
        firsts[w] = (now - windows[w, 0]) // width
    seen = np.int64(0)
    for e in range(len(keys)):
        if e % AHEAD == 0:
            for later in range(e, min(e + AHEAD, len(keys))):
                base, row = rows_of(keys[later], heads)
                while row > base:
                    seen ^= pool[row - ONE, ZERO]
                    row -= min(LINE, row - base)
        for t in range(len(totals)):
            merged[t] = empty(totals[t, 1])
        base, end = rows_of(keys[e], heads)
        # Unsigned, a place in the pool needs no test for being negative.
        row, r = end, 0
        for w in range(len(windows)):
            # Slots inside rows: a short loop of one length is guessed right.
            while row > base and pool[row - ONE, ZERO] >> GROUP_BITS >= firsts[w]:
                row -= ONE
                for t in range(leasts):
                    merged[t] += pool[row, slots[t]]
                for t in range(leasts, mosts):
                    merged[t] = min(merged[t], pool[row, slots[t]])
                for t in range(mosts, len(slots)):
                    merged[t] = max(merged[t], pool[row, slots[t]])
            while r < windows[w, 1]:
                total = reads[r, 0]
                parts[reads[r, 1], e] = as_float(totals[total, 1], merged[total])
                r += 1
        for a in range(len(apart)):
            slot, how = np.uint64(1 + apart[a, 0]), apart[a, 1]
            if a == 0 or apart[a, 2] != apart[a - 1, 2]:
                first = (now - apart[a, 2]) // width
                row = since(base, end, pool, first)
            if how == DECAYED:
                faded, newest = 0.0, apart[a, 5] + at_tile
                for at in range(row, end):
                    tile = pool[at, ZERO] >> GROUP_BITS
                    faded += pool[at, slot] * weights[np.uint64(newest - tile)]
                parts[apart[a, 4], e] = faded
            else:
                past = row
                while past < end and pool[past, ZERO] >> GROUP_BITS == first:
                    past += ONE
                value = join(how, empty(how), slot, row, past, pool)
                parts[apart[a, 4], e] = as_float(how, value)
    return seen  # used, so that touching is not optimised away


@numba.njit(cache=True, nogil=True)
def gather_sessions(keys, heads, pool, now, gap, first, touch, slot, how, place, parts):  # type: ignore[no-untyped-def]
    """One read of a session window for many keys: a row of parts float64[all, n].

    Looked for from tile `first` on; touch int64[2]: the slots with the least and the greatest
    timestamp of all activity.
    """
    for e in range(len(keys)):
        value = empty(how)
        start = session_start(keys[e], heads, pool, now, gap, first, touch[0], touch[1])
        if start >= 0:
            base, end = rows_of(keys[e], heads)
            value = join(how, value, np.uint64(1 + slot), since(base, end, pool, start), end, pool)
        parts[place, e] = as_float(how, value)


@numba.njit(cache=True, nogil=True)
def gather_groups(key, heads, pool, first, past, at_tile, slot, how, weights, parts):  # type: ignore[no-untyped-def]
    """One read of a split family for one key, tiles [first, past): parts float64[groups]."""
    merged = np.full(len(parts), empty(how), np.int64)
    parts[:] = 0.0
    base, end = rows_of(key, heads)
    for at in range(since(base, end, pool, first), end):
        tile = pool[at, ZERO] >> GROUP_BITS
        if tile >= past:
            break
        group, value = pool[at, ZERO] & GROUP_MASK, pool[at, np.uint64(1 + slot)]
        if how == DECAYED:
            parts[group] += value * weights[at_tile - tile]
        elif how == SUM:
            merged[group] += value
        elif how == LEAST:
            merged[group] = min(merged[group], value)
        else:
            merged[group] = max(merged[group], value)
    if how != DECAYED:
        for group in range(len(parts)):
            parts[group] = as_float(how, merged[group])


@numba.njit(cache=True, nogil=True)
def gather_group(keys, heads, pool, first, past, slot, group):  # type: ignore[no-untyped-def]
    """The sum of a slot over tiles [first, past) of one group, for keys int64[n]: int64[n]."""
    sums, column = np.zeros(len(keys), np.int64), np.uint64(1 + slot)
    for e in range(len(keys)):
        base, row = rows_of(keys[e], heads)
        while row > base:
            row -= ONE
            cell = pool[row, ZERO]
            if cell >> GROUP_BITS < first:
                break
            if cell >> GROUP_BITS < past and cell & GROUP_MASK == group:
                sums[e] += pool[row, column]
    return sums


@numba.njit(cache=True, nogil=True)
def session_start(key, heads, pool, now, gap, first, slot_min, slot_max):  # type: ignore[no-untyped-def]
    """The first tile of a key's current session, or -1 when there is none.

    Walks back from `now` over tiles no older than `first`; stops at the first distance
    greater than `gap` ms between activity (slots with the least and greatest timestamp).
    """
    if key < 0 or key >= len(heads):
        return np.int64(-1)
    base, n = heads[key, 0], heads[key, 1]
    edge, found, at = now, np.int64(-1), n - 1
    while at >= 0:
        tile = pool[base + at, 0] >> GROUP_BITS
        if tile < first:
            break
        # A split family has several rows a tile: activity is theirs together.
        least, most = np.int64(HIGH), np.int64(LOW)
        while at >= 0 and pool[base + at, 0] >> GROUP_BITS == tile:
            least = min(least, pool[base + at, 1 + slot_min])
            most = max(most, pool[base + at, 1 + slot_max])
            at -= 1
        if edge - most > gap:
            break
        edge, found = least, tile
    return found
