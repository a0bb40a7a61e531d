"""Kernels that read entity values, many in one call, and trust no byte of them.

data uint8: the values one behind the other; first, last int64[n]: where a section of each begins
and ends, the same place where there is no value. Each kernel returns how much it read, or
-1 - e when the section of value e is not as pack_kernels.py writes it.
"""

from __future__ import annotations

import numba
import numpy as np

from afresh.features.tiles import GROUP_BITS, GROUP_MASK
from afresh.store.pack_kernels import NAMED, UNSPLIT
from afresh.store.varint import take_signed, take_unsigned

LATEST = np.int64(1) << np.int64(53)
"""No timestamp is beyond it: a number that JSON holds exactly."""
LONGEST_NAME = 256


@numba.njit(cache=True, nogil=True, inline="always")
def take_word(data, at, size):  # type: ignore[no-untyped-def]
    """The `size` bytes at data[at] as a uint64, the lowest first."""
    word = np.uint64(0)
    for k in range(size):
        word |= np.uint64(data[at + k]) << np.uint64(8 * k)
    return word


@numba.njit(cache=True, nogil=True)
def unpack_headers(data, starts, ends, magic, generation, lead, n, newest, first, last):  # type: ignore[no-untyped-def]
    """Headers of values data[starts:ends]: n, newest int64[values]; first, last
    int64[sections, values]. lead: bytes before the first partition."""
    sections = len(first)
    for e in range(len(starts)):
        a, b = starts[e], ends[e]
        if a == b:
            n[e], newest[e] = -1, 0
            first[:, e], last[:, e] = a, a
            continue
        if b - a < lead:
            return -1 - e
        for k in range(4):
            if data[a + k] != magic[k]:
                return -1 - e
        held = np.int64(take_word(data, a + 4, 2))
        body = a + lead + 8 * np.int64(take_word(data, a + 6, 2)) + 4 * held
        if held < sections or held > sections + 1 or body > b:
            return -1 - e
        n[e] = np.int64(take_word(data, a + 8, 8))
        if take_word(data, a + 16, 8) != generation:
            return -1 - e
        newest[e] = np.int64(take_word(data, a + 24, 8))
        if n[e] < 0 or newest[e] < 0 or newest[e] > LATEST:
            return -1 - e
        at = body
        for s in range(sections):
            end = body + np.int64(take_word(data, body - 4 * (held - s), 4))
            if end < at or end > b:
                return -1 - e
            first[s, e], last[s, e] = at, end
            at = end
        if held > sections:  # what the writer goes on from
            at = max(at, body + np.int64(take_word(data, body - 4, 4)))
        if at != b:
            return -1 - e
    return len(starts)


@numba.njit(cache=True, nogil=True)
def unpack_tiles(data, first, last, newest, width, split, groups, numbers, heads, pool,  # type: ignore[no-untyped-def]
                 name_at, name_to):  # fmt: skip
    """Tiles of one family into pool int64[rows, 1 + slots] and heads int64[keys, 3], the rows of
    value e under key numbers[e]. newest int64[n]: no tile begins later. groups: how many there
    are when they are fixed. Of named ones, group g is the g-th name met: data[name_at[g - 1] :
    name_to[g - 1]]. Returns (rows, names)."""
    row, names = np.int64(0), np.int64(0)
    for e in range(len(first)):
        at, end = first[e], last[e]
        if at == end:
            continue
        latest, before = newest[e] // width, names
        if split == NAMED:
            count, at = take_unsigned(data, at, end)
            if at > end or count > np.uint64(end - at):
                return -1 - e, names
            for _ in range(np.int64(count)):
                size, at = take_unsigned(data, at, end)
                if at > end or size == 0 or size > LONGEST_NAME or at + np.int64(size) > end:
                    return -1 - e, names
                name_at[names], name_to[names] = at, at + np.int64(size)
                for p in range(at, at + np.int64(size)):
                    if data[p] == 0:
                        return -1 - e, names
                names += 1
                at += np.int64(size)
        most = groups if split != NAMED else names - before
        count, at = take_unsigned(data, at, end)
        if at > end or count > np.uint64(end - at):
            return -1 - e, names
        start, tile = row, np.int64(0)
        for _ in range(np.int64(count)):
            later, at = take_unsigned(data, at, end)
            if at > end or later > np.uint64(latest - tile):
                return -1 - e, names
            tile += np.int64(later)
            group = np.uint64(0)
            if split != UNSPLIT:
                group, at = take_unsigned(data, at, end)
                if at > end or group > np.uint64(most):
                    return -1 - e, names
                if split == NAMED and group > 0:
                    group += np.uint64(before)
            place = np.uint64(row)
            pool[place, np.uint64(0)] = tile << GROUP_BITS | np.int64(group)
            for c in range(1, pool.shape[1]):
                value, at = take_signed(data, at, end)
                pool[place, np.uint64(c)] = value
            if at > end:
                return -1 - e, names
            row += 1
        if at != end:
            return -1 - e, names
        key = numbers[e]
        heads[key, 0], heads[key, 1], heads[key, 2] = start, row - start, 0
    return row, names


@numba.njit(cache=True, nogil=True)
def rename_groups(pool, rows, renamed):  # type: ignore[no-untyped-def]
    """Give named groups the reader's numbers: renamed int64[names], by the order of names."""
    for r in range(rows):
        group = pool[r, 0] & GROUP_MASK
        if group > 0:
            pool[r, 0] = pool[r, 0] - group + renamed[group - 1] + 1


@numba.njit(cache=True, nogil=True)
def unpack_sketches(data, first, last, newest, width, numbers, heads, pool):  # type: ignore[no-untyped-def]
    """Rows [tile, hash] of one sketch into pool int64[rows, 2], as `unpack_tiles`; the rows."""
    row = np.int64(0)
    for e in range(len(first)):
        at, end = first[e], last[e]
        if at == end:
            continue
        count, at = take_unsigned(data, at, end)
        if at > end or count > np.uint64(end - at):
            return -1 - e
        start, tile, latest = row, np.int64(0), newest[e] // width
        for _ in range(np.int64(count)):
            later, at = take_unsigned(data, at, end)
            if at + 8 > end or later > np.uint64(latest - tile):
                return -1 - e
            tile += np.int64(later)
            pool[row, 0], pool[row, 1] = tile, np.int64(take_word(data, at, 8))
            at += 8
            row += 1
        if at != end:
            return -1 - e
        key = numbers[e]
        heads[key, 0], heads[key, 1], heads[key, 2] = start, row - start, 0
    return row


@numba.njit(cache=True, nogil=True)
def unpack_events(data, first, last, newest, keep, types, numbers, heads, ts, kind, tag,  # type: ignore[no-untyped-def]
                  hi, lo, item_at, item_to):  # fmt: skip
    """Events of one sequence into columns, one row each; list e is under key numbers[e]. A long
    id keeps its place in data; item_at, item_to: where an item's name stands. Returns the rows."""
    row = np.int64(0)
    for e in range(len(first)):
        at, end = first[e], last[e]
        if at == end:
            continue
        count, at = take_unsigned(data, at, end)
        if at > end or count > np.uint64(keep):
            return -1 - e
        start, moment = row, np.int64(0)
        for _ in range(np.int64(count)):
            later, at = take_unsigned(data, at, end)
            if at + 2 > end or later > np.uint64(newest[e] - moment):
                return -1 - e
            moment += np.int64(later)
            ts[row], kind[row], tag[row] = moment, data[at], data[at + 1]
            at += 2
            if kind[row] >= types or tag[row] > 4:
                return -1 - e
            if tag[row] == 3:
                size, at = take_unsigned(data, at, end)
                if at > end or size > LONGEST_NAME or at + np.int64(size) > end:
                    return -1 - e
                hi[row], lo[row] = size, np.uint64(at)
                at += np.int64(size)
            else:
                if at + 16 > end:
                    return -1 - e
                hi[row], lo[row] = take_word(data, at, 8), take_word(data, at + 8, 8)
                at += 16
            size, at = take_unsigned(data, at, end)
            if at > end or size == 0 or size > LONGEST_NAME or at + np.int64(size) > end:
                return -1 - e
            item_at[row], item_to[row] = at, at + np.int64(size)
            for p in range(at, at + np.int64(size)):
                if data[p] == 0:
                    return -1 - e
            at += np.int64(size)
            row += 1
        if at != end:
            return -1 - e
        key = numbers[e]
        heads[key, 0], heads[key, 1], heads[key, 2] = start, row - start, 0
    return row


@numba.njit(cache=True, nogil=True)
def joined_names(data, name_at, name_to, n):  # type: ignore[no-untyped-def]
    """Names data[name_at:name_to], the first n, as a text column."""
    size = max(n - 1, 0)
    for k in range(n):
        size += name_to[k] - name_at[k]
    out = np.zeros(size, np.uint8)
    at = 0
    for k in range(n):
        for p in range(name_at[k], name_to[k]):
            out[at] = data[p]
            at += 1
        at += 1
    return out
