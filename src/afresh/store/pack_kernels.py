"""Kernels that write the sections of entity values, many entities in one call.

Each takes keys int64[n] (numbers of the state; -1 or unknown: nothing), and writes one section an
entity, one behind the other, into out uint8; borders int64[n + 1] says where each ends. `out` has
room: the matching `room_for_…` says how much.
"""

from __future__ import annotations

import numba
import numpy as np

from afresh.features.sequences import alive
from afresh.features.tiles import GROUP_BITS, GROUP_MASK
from afresh.store.varint import LONGEST, put_signed, put_unsigned

UNSPLIT, FIXED, NAMED = 0, 1, 2
"""How rows are split: not; by groups that the plan numbers; by groups with names of their own."""


@numba.njit(cache=True, nogil=True)
def room_for_rows(keys, heads, pool, named, begin):  # type: ignore[no-untyped-def]
    """Bytes that the rows of keys may take; with names of groups when they are `named`."""
    size = np.int64(LONGEST) * len(keys) * 2
    for key in keys:
        if 0 <= key < len(heads):
            base, n = heads[key, 0], heads[key, 1]
            size += n * LONGEST * (pool.shape[1] + 2)
            if named:
                for r in range(base, base + n):
                    group = pool[r, 0] & GROUP_MASK
                    if group > 0:
                        size += begin[group] - begin[group - 1]
    return size


@numba.njit(cache=True, nogil=True)
def pack_tiles(keys, heads, pool, width, dead_before, split, arena, begin, out, borders):  # type: ignore[no-untyped-def]
    """Tiles of one family. arena, begin: the names of groups 1, 2, ... where they are named.

    Names first, where there are: how many, then length and bytes of each. Then the number of
    rows; a row is its tile less the one before, its group when split, and its slots.
    """
    place = np.zeros(len(begin) + 1, np.int64)
    used = np.empty(len(begin) + 1, np.int64)
    at = np.int64(0)
    borders[0] = 0
    for e in range(len(keys)):
        base, n = np.int64(0), np.int64(0)
        if 0 <= keys[e] < len(heads):
            base, n = heads[keys[e], 0], heads[keys[e], 1]
        while n > 0 and ((pool[base, 0] >> GROUP_BITS) + 1) * width <= dead_before:
            base += 1
            n -= 1
        if split == NAMED:
            names = 0
            for r in range(base, base + n):
                group = pool[r, 0] & GROUP_MASK
                if group > 0 and place[group] == 0:
                    used[names] = group
                    names += 1
                    place[group] = names
            at = put_unsigned(out, at, np.uint64(names))
            for k in range(names):
                a, b = begin[used[k] - 1], begin[used[k]]
                at = put_unsigned(out, at, np.uint64(b - a))
                for p in range(a, b):
                    out[at] = arena[p]
                    at += 1
        at = put_unsigned(out, at, np.uint64(n))
        tile = np.int64(0)
        for r in range(base, base + n):
            at = put_unsigned(out, at, np.uint64((pool[r, 0] >> GROUP_BITS) - tile))
            tile = pool[r, 0] >> GROUP_BITS
            group = pool[r, 0] & GROUP_MASK
            if split == NAMED:
                at = put_unsigned(out, at, np.uint64(place[group] if group else 0))
            elif split == FIXED:
                at = put_unsigned(out, at, np.uint64(group))
            for c in range(1, pool.shape[1]):
                at = put_signed(out, at, pool[r, c])
        if split == NAMED:
            for k in range(names):
                place[used[k]] = 0
        borders[e + 1] = at


@numba.njit(cache=True, nogil=True)
def pack_sketches(keys, heads, pool, width, dead_before, out, borders):  # type: ignore[no-untyped-def]
    """Rows [tile, hash] of one sketch: their number; of each the tile less the one before, and
    the eight bytes of the hash."""
    at = np.int64(0)
    borders[0] = 0
    for e in range(len(keys)):
        base, n = np.int64(0), np.int64(0)
        if 0 <= keys[e] < len(heads):
            base, n = heads[keys[e], 0], heads[keys[e], 1]
        while n > 0 and (pool[base, 0] + 1) * width <= dead_before:
            base += 1
            n -= 1
        at = put_unsigned(out, at, np.uint64(n))
        tile = np.int64(0)
        for r in range(base, base + n):
            at = put_unsigned(out, at, np.uint64(pool[r, 0] - tile))
            tile = pool[r, 0]
            at = put_word(out, at, np.uint64(pool[r, 1]))
        borders[e + 1] = at


@numba.njit(cache=True, nogil=True, inline="always")
def put_word(out, at, word):  # type: ignore[no-untyped-def]
    """Eight bytes, the lowest first."""
    for k in range(8):
        out[at + k] = np.uint8(word >> np.uint64(8 * k) & np.uint64(255))
    return at + 8


@numba.njit(cache=True, nogil=True)
def room_for_events(keys, keep, dead_before, ts, heads, pool, tag, hi, item, begin):  # type: ignore[no-untyped-def]
    """Bytes that the events in the lists of keys may take."""
    size = np.int64(LONGEST) * len(keys)
    for key in keys:
        a, b = alive(key, keep, dead_before, ts, heads, pool)
        for r in range(a, b):
            row = pool[r]
            size += 3 * LONGEST + 18 + begin[item[row] + 1] - begin[item[row]]
            if tag[row] == 3:
                size += np.int64(hi[row])
    return size


@numba.njit(cache=True, nogil=True)
def pack_events(keys, keep, dead_before, ts, heads, pool, tag, hi, lo, kind, item, ids,  # type: ignore[no-untyped-def]
                arena, begin, out, borders):  # fmt: skip
    """The living events of one sequence, oldest first: how many; of each the timestamp less the
    one before, the type, the packed id (a long one by length and bytes), the item's name by
    length and bytes. ids: the arena of long ids; arena, begin: the names of items."""
    at = np.int64(0)
    borders[0] = 0
    for e in range(len(keys)):
        a, b = alive(keys[e], keep, dead_before, ts, heads, pool)
        at = put_unsigned(out, at, np.uint64(b - a))
        before = np.int64(0)
        for r in range(a, b):
            row = pool[r]
            at = put_unsigned(out, at, np.uint64(ts[row] - before))
            before = ts[row]
            out[at], out[at + 1] = kind[row], tag[row]
            at += 2
            if tag[row] == 3:
                at = put_unsigned(out, at, hi[row])
                start = np.int64(lo[row])
                for p in range(start, start + np.int64(hi[row])):
                    out[at] = ids[p]
                    at += 1
            else:
                at = put_word(out, at, hi[row])
                at = put_word(out, at, lo[row])
            first, last = begin[item[row]], begin[item[row] + 1]
            at = put_unsigned(out, at, np.uint64(last - first))
            for p in range(first, last):
                out[at] = arena[p]
                at += 1
        borders[e + 1] = at


@numba.njit(cache=True, nogil=True)
def lay_section(section, borders, places, ends_at, bodies, out):  # type: ignore[no-untyped-def]
    """Put each entity's section at out[places[e]], which then is its end; write that end, from
    the body's start bodies[e] on, as a uint32 at out[ends_at[e]]."""
    for e in range(len(places)):
        size = borders[e + 1] - borders[e]
        out[places[e] : places[e] + size] = section[borders[e] : borders[e + 1]]
        places[e] += size
        end = places[e] - bodies[e]
        for k in range(4):
            out[ends_at[e] + k] = np.uint8(end >> (8 * k) & 255)
