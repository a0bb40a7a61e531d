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

from afresh.events.words import first_word, load_word, reversed_word

_ONES = np.uint64(0x0101010101010101)
_FOURS = np.uint64(0x0F0F0F0F0F0F0F0F)
_DECIMAL = np.full(256, 255, np.uint8)
_SPELLED = np.frombuffer(b"\0-.0123456789:TZ", np.uint8)
_DECIMAL[_SPELLED[1:]] = np.arange(1, 16)
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


@numba.njit(cache=True, nogil=True, inline="always")
def _hex_word(word):  # type: ignore[no-untyped-def]
    """(ok, 32 bits) of eight lower-case hex digits, the first digit highest."""
    digits = (word & _FOURS) + ((word >> np.uint64(6)) & _ONES) * np.uint64(9)
    letters = ((digits + _ONES * np.uint64(6)) >> np.uint64(4)) & _ONES
    spelled = digits + _ONES * np.uint64(48) + letters * np.uint64(39)
    ok = spelled == word and digits & ~_FOURS == 0
    bits = reversed_word(digits)
    bits = (bits | bits >> np.uint64(4)) & np.uint64(0x00FF00FF00FF00FF)
    bits = (bits | bits >> np.uint64(8)) & np.uint64(0x0000FFFF0000FFFF)
    return ok, (bits | bits >> np.uint64(16)) & np.uint64(0xFFFFFFFF)


@numba.njit(cache=True, nogil=True, inline="always")
def _pack_hex(one, two, three, four):  # type: ignore[no-untyped-def]
    """(ok, hi, lo) of 32 lower-case hex digits in four words."""
    ok1, a = _hex_word(one)
    ok2, b = _hex_word(two)
    ok3, c = _hex_word(three)
    ok4, d = _hex_word(four)
    half = np.uint64(32)
    return ok1 and ok2 and ok3 and ok4, a << half | b, c << half | d


@numba.njit(cache=True, nogil=True, inline="always")
def _pack_uuid(data, a):  # type: ignore[no-untyped-def]
    """(ok, hi, lo) of data[a : a + 36]: 8-4-4-4-12 hex digits."""
    at, half, low = np.uint64(a), np.uint64(32), np.uint64(0xFFFFFFFF)
    ok, hi, lo = _pack_hex(
        load_word(data, at),
        load_word(data, at + np.uint64(9)) & low | load_word(data, at + np.uint64(14)) << half,
        load_word(data, at + np.uint64(19)) & low | load_word(data, at + np.uint64(24)) << half,
        load_word(data, at + np.uint64(28)),
    )
    dashes = data[a + 8] == 45 and data[a + 13] == 45 and data[a + 18] == 45
    return ok and dashes and data[a + 23] == 45, hi, lo


@numba.njit(cache=True, nogil=True)
def _pack_spelled(data, a, b):  # type: ignore[no-untyped-def]
    """(ok, hi, lo) of data[a:b], 17 to 32 characters of numbers and dates."""
    hi, lo, bad, four = np.uint64(0), np.uint64(0), np.uint8(0), np.uint64(4)
    for k in range(b - a):
        code = _DECIMAL[data[a + k]]
        bad |= code
        if k < 16:
            hi = (hi << four) | np.uint64(code & 15)
        else:
            lo = (lo << four) | np.uint64(code & 15)
    return bad < 128, hi, lo << np.uint64(4 * (32 - (b - a)))


@numba.njit(cache=True, nogil=True)
def pack_ids(data, starts, wanted, arena, used, tags, hi, lo):  # type: ignore[no-untyped-def]
    """Pack event ids into tags uint8[n], hi and lo uint64[n]; returns the arena bytes used."""
    for i in range(len(starts) - 1):
        if not wanted[i]:
            tags[i], hi[i], lo[i] = 0, 0, 0
            continue
        a, b = starts[i], starts[i + 1] - 1
        size = b - a
        if size <= 16:
            hi[i] = reversed_word(first_word(data, a, min(size, 8)))
            lo[i] = reversed_word(first_word(data, a + 8, max(size - 8, 0)))
            tags[i] = 0
            continue
        if size == 36:
            ok, high, low = _pack_uuid(data, a)
            if ok:
                tags[i], hi[i], lo[i] = 1, high, low
                continue
        if size == 32:
            at, word = np.uint64(a), np.uint64(8)
            ok, high, low = _pack_hex(
                load_word(data, at),
                load_word(data, at + word),
                load_word(data, at + np.uint64(16)),
                load_word(data, at + np.uint64(24)),
            )
            if ok:
                tags[i], hi[i], lo[i] = 2, high, low
                continue
        if size <= 32:
            ok, high, low = _pack_spelled(data, a, b)
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
def id_before(t1, h1, l1, t2, h2, l2, arena):  # type: ignore[no-untyped-def]
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
    return id_before(tag[r1], hi[r1], lo[r1], tag[r2], hi[r2], lo[r2], arena)
