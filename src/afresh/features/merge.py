"""Merging tiles into values: the kernels of the one reader.

Integers are added as integers; a decayed sum is float64, tiles added in ascending
order, so a value never depends on how the tiles were stored.
"""

from __future__ import annotations

import numba
import numpy as np

from afresh.features.tiles import GROUP_BITS, GROUP_MASK, HIGH, LOW

SUM, LEAST, MOST, DECAYED = 0, 1, 2, 3


@numba.njit(cache=True, nogil=True)
def merge(keys, heads, pool, first, past, slot, how, at_tile, weights, offsets, exact, decayed):  # type: ignore[no-untyped-def]
    """Merge windows for many keys by one backward and one forward walk over each key's rows.

    keys int64[n] (-1: nothing known). Per read r of R: tiles [first[r], past[r]), slot[r],
    how[r] in SUM, LEAST, MOST, DECAYED; a decayed read weighs tile t by
    weights[offsets[r] + at_tile[r] - t]. exact int64[n, R] and decayed float64[n, R]
    are written; untouched LEAST is HIGH, untouched MOST is LOW.
    """
    reads = len(slot)
    oldest = first[0]
    for r in range(reads):
        oldest = min(oldest, first[r])
    for e in range(len(keys)):
        for r in range(reads):
            exact[e, r] = HIGH if how[r] == LEAST else (LOW if how[r] == MOST else 0)
            decayed[e, r] = 0.0
        key = keys[e]
        if key < 0 or key >= len(heads):
            continue
        base, n = heads[key, 0], heads[key, 1]
        a = n
        while a > 0 and pool[base + a - 1, 0] >> GROUP_BITS >= oldest:
            a -= 1
        for row in range(base + a, base + n):
            tile = pool[row, 0] >> GROUP_BITS
            for r in range(reads):
                if tile < first[r] or tile >= past[r]:
                    continue
                v = pool[row, 1 + slot[r]]
                if how[r] == SUM:
                    exact[e, r] += v
                elif how[r] == LEAST:
                    exact[e, r] = min(exact[e, r], v)
                elif how[r] == MOST:
                    exact[e, r] = max(exact[e, r], v)
                else:
                    decayed[e, r] += v * weights[offsets[r] + at_tile[r] - tile]


@numba.njit(cache=True, nogil=True)
def merge_groups(key, heads, pool, first, past, slot, how, at_tile, weights, exact, decayed):  # type: ignore[no-untyped-def]
    """One read for one key, by group: exact int64[groups], decayed float64[groups].

    The arrays come in with their empty values.
    """
    if key < 0 or key >= len(heads):
        return
    base, n = heads[key, 0], heads[key, 1]
    a = n
    while a > 0 and pool[base + a - 1, 0] >> GROUP_BITS >= first:
        a -= 1
    for row in range(base + a, base + n):
        tile = pool[row, 0] >> GROUP_BITS
        if tile >= past:
            continue
        g = pool[row, 0] & GROUP_MASK
        v = pool[row, 1 + slot]
        if how == SUM:
            exact[g] += v
        elif how == LEAST:
            exact[g] = min(exact[g], v)
        elif how == MOST:
            exact[g] = max(exact[g], v)
        else:
            decayed[g] += v * weights[at_tile - tile]


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
