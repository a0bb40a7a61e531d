"""Event ids in 16 bytes where that loses nothing, and their order.

A packed id is a tag and two words, `hi` and `lo` (uint64):

tag 0  up to 16 bytes as they are, zero-padded;
tag 1  a lower-case UUID with dashes;      tag 2  32 lower-case hex digits;
tag 3  anything longer: `hi` is its length, `lo` its place in an arena;
tag 4  17 to 32 characters of numbers and dates (digits and - . : T Z), four bits each.

Ids compare by their UTF-8 bytes, whatever their tags: the four-bit codes ascend as the
characters do, and 0 stands for the end.
"""

from __future__ import annotations

import numba
import numpy as np

_BAD = 255
_HEX = np.full(256, _BAD, np.uint8)
_HEX[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_DECIMAL = np.full(256, _BAD, np.uint8)
_SPELLED = np.frombuffer(b"\0-.0123456789:TZ", np.uint8)
_DECIMAL[_SPELLED[1:]] = np.arange(1, 16)
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


@numba.njit(cache=True, nogil=True)
def _pack_nibbles(data, a, b, codes, dashes):  # type: ignore[no-untyped-def]
    """(ok, hi, lo) of data[a:b], four bits a character; with dashes, a UUID's are left out."""
    hi, lo, done, bad = np.uint64(0), np.uint64(0), 0, np.uint8(0)
    four, p, end = np.uint64(4), np.uint64(a), np.uint64(b)
    one = np.uint64(1)
    while p < end:
        if dashes and (done == 8 or done == 12 or done == 16 or done == 20) and data[p] == 45:
            if data[p - one] == 45:
                return False, hi, lo
            p += one
            continue
        code = codes[data[p]]
        bad |= code
        if done < 16:
            hi = (hi << four) | np.uint64(code & 15)
        else:
            lo = (lo << four) | np.uint64(code & 15)
        done += 1
        p += one
    if done < 16:
        hi <<= np.uint64(4 * (16 - done))
    elif done < 32:
        lo <<= np.uint64(4 * (32 - done))
    return bad < 128 and done <= 32 and (not dashes or done == 32), hi, lo


@numba.njit(cache=True, nogil=True)
def pack_ids(data, starts, wanted, arena, used, tags, hi, lo):  # type: ignore[no-untyped-def]
    """Pack event ids into tags uint8[n], hi and lo uint64[n]; returns the arena bytes used."""
    for i in range(len(starts) - 1):
        if not wanted[i]:
            tags[i], hi[i], lo[i] = 0, 0, 0
            continue
        a, b = starts[i], starts[i + 1] - 1
        size = b - a
        ok, high, low = False, np.uint64(0), np.uint64(0)
        if size <= 16:
            for j in range(16):
                c = np.uint64(data[a + j]) if j < size else np.uint64(0)
                if j < 8:
                    high = (high << np.uint64(8)) | c
                else:
                    low = (low << np.uint64(8)) | c
            tags[i], hi[i], lo[i] = 0, high, low
            continue
        if size == 36:
            ok, high, low = _pack_nibbles(data, a, b, _HEX, True)
            if ok:
                tags[i], hi[i], lo[i] = 1, high, low
                continue
        if size == 32:
            ok, high, low = _pack_nibbles(data, a, b, _HEX, False)
            if ok:
                tags[i], hi[i], lo[i] = 2, high, low
                continue
        if size <= 32:
            ok, high, low = _pack_nibbles(data, a, b, _DECIMAL, False)
            if ok:
                tags[i], hi[i], lo[i] = 4, high, low
                continue
        tags[i], hi[i], lo[i] = 3, np.uint64(size), np.uint64(used)
        for j in range(a, b):
            arena[used] = data[j]
            used += 1
    return used


@numba.njit(cache=True, nogil=True)
def unpack_id(tag, hi, lo, arena, out):  # type: ignore[no-untyped-def]
    """Write an event id's bytes into out uint8[256]; returns their number."""
    if tag == 3:
        for j in range(np.int64(hi)):
            out[j] = arena[np.int64(lo) + j]
        return np.int64(hi)
    n = np.int64(0)
    if tag == 0:
        for j in range(16):
            word = hi if j < 8 else lo
            c = np.uint8((word >> np.uint64(8 * (7 - j % 8))) & np.uint64(255))
            if c == 0:
                break
            out[n] = c
            n += 1
        return n
    for j in range(32):
        if tag == 1 and (j == 8 or j == 12 or j == 16 or j == 20):
            out[n] = 45
            n += 1
        word = hi if j < 16 else lo
        code = (word >> np.uint64(4 * (15 - j % 16))) & np.uint64(15)
        if tag == 4 and code == 0:
            break
        out[n] = _SPELLED[code] if tag == 4 else _DIGITS[code]
        n += 1
    return n


@numba.njit(cache=True, nogil=True)
def _id_before(t1, h1, l1, t2, h2, l2, arena):  # type: ignore[no-untyped-def]
    """Whether the first event id stands before the second in byte order."""
    if t1 == t2 and t1 != 3:
        return h1 < h2 or (h1 == h2 and l1 < l2)
    return _unpacked_before(t1, h1, l1, t2, h2, l2, arena)


@numba.njit(cache=True, nogil=True, inline="never")
def _unpacked_before(t1, h1, l1, t2, h2, l2, arena):  # type: ignore[no-untyped-def]
    """The same for ids packed in different ways, or in the arena; rare, so kept out of the way."""
    if t1 == 3 and t2 == 3:
        return _bytes_before(arena, l1, h1, arena, l2, h2)
    a, b = np.empty(256, np.uint8), np.empty(256, np.uint8)
    na, nb = unpack_id(t1, h1, l1, arena, a), unpack_id(t2, h2, l2, arena, b)
    return _bytes_before(a, np.uint64(0), np.uint64(na), b, np.uint64(0), np.uint64(nb))


@numba.njit(cache=True, nogil=True)
def _bytes_before(a, at_a, na, b, at_b, nb):  # type: ignore[no-untyped-def]
    j, one, eight = np.uint64(0), np.uint64(1), np.uint64(8)
    while j + eight <= na and j + eight <= nb:
        left, right = np.uint64(0), np.uint64(0)
        for k in range(8):
            left = left << eight | np.uint64(a[at_a + j + np.uint64(k)])
            right = right << eight | np.uint64(b[at_b + j + np.uint64(k)])
        if left != right:
            return left < right
        j += eight
    while j < na and j < nb:
        if a[at_a + j] != b[at_b + j]:
            return a[at_a + j] < b[at_b + j]
        j += one
    return na < nb


@numba.njit(cache=True, nogil=True)
def pack_arena(tag, hi, lo, arena):  # type: ignore[no-untyped-def]
    """Move the long ids of the rows together, in order; returns the new arena. lo is updated."""
    size = np.int64(0)
    for row in range(len(tag)):
        if tag[row] == 3:
            size += np.int64(hi[row])
    out = np.empty(size, np.uint8)
    at = np.int64(0)
    for row in range(len(tag)):
        if tag[row] == 3:
            place, n = np.int64(lo[row]), np.int64(hi[row])
            out[at : at + n] = arena[place : place + n]
            lo[row] = np.uint64(at)
            at += n
    return out


@numba.njit(cache=True, nogil=True)
def before(r1, r2, ts, tag, hi, lo, arena):  # type: ignore[no-untyped-def]
    """Whether fact r1 stands before r2 in the total order (timestamp, event_id)."""
    if ts[r1] != ts[r2]:
        return ts[r1] < ts[r2]
    return _id_before(tag[r1], hi[r1], lo[r1], tag[r2], hi[r2], lo[r2], arena)


SHORT = 16
"""Events of one moment that are put in order by insertion; more are merged from such runs."""


@numba.njit(cache=True, nogil=True)
def _insertion_sort(order, first, last, tag, hi, lo, arena):  # type: ignore[no-untyped-def]
    for k in range(first + 1, last):
        event, at = order[k], k
        t, h, low = tag[event], hi[event], lo[event]
        while at > first:
            other = order[at - 1]
            # Nearly all ids differ in their first eight bytes: look there first.
            if t == tag[other] and t != 3 and h != hi[other]:
                if h > hi[other]:
                    break
            elif not _id_before(t, h, low, tag[other], hi[other], lo[other], arena):
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
                if tag[x] == tag[y] and tag[x] != 3 and hi[x] != hi[y]:
                    take_right = hi[x] < hi[y]
                else:
                    take_right = _id_before(tag[x], hi[x], lo[x], tag[y], hi[y], lo[y], arena)
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
    first = 0
    while first < n:
        last, moment = first + 1, ts[order[first]]
        while last < n and ts[order[last]] == moment:
            last += 1
        if last - first > SHORT and len(space) == 0:
            space = np.empty(n, np.int64)
        for a in range(first, last, SHORT):
            _insertion_sort(order, a, min(a + SHORT, last), tag, hi, lo, arena)
        width = SHORT
        while width < last - first:
            _merge_runs(order, first, last, width, space, tag, hi, lo, arena)
            width *= 2
        first = last
    as_given = True
    for k in range(n):
        as_given &= order[k] == k
    return as_given
