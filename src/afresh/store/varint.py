"""Integers as few bytes as they need: the kernels with which entity values are written and read.

An unsigned number is seven bits a byte, the lowest first, the eighth bit says that more follow.
A signed one is folded first: 0, -1, 1, -2, ... become 2, 3, 4, 5, ...; 0 and 1 are the two
extremes, which is what an empty least and an empty most are kept as. So most slots are one byte.
"""

from __future__ import annotations

import numba
import numpy as np

LONGEST = 10
"""Bytes of a 64-bit number at most."""

_ONE, _TWO, _SEVEN = np.uint64(1), np.uint64(2), np.uint64(7)
_LOW, _MORE = np.uint64(127), np.uint64(128)


@numba.njit(cache=True, nogil=True, inline="always")
def put_unsigned(out, at, value):  # type: ignore[no-untyped-def]
    """Write a uint64 at out[at]; where the next one goes."""
    while value > _LOW:
        out[at] = np.uint8(value & _LOW | _MORE)
        value >>= _SEVEN
        at += 1
    out[at] = np.uint8(value)
    return at + 1


@numba.njit(cache=True, nogil=True, inline="always")
def put_signed(out, at, value):  # type: ignore[no-untyped-def]
    """The same for an int64."""
    folded = np.uint64(value) << _ONE ^ np.uint64(value >> np.int64(63))
    return put_unsigned(out, at, folded + _TWO)


@numba.njit(cache=True, nogil=True, inline="always")
def take_unsigned(data, at, end):  # type: ignore[no-untyped-def]
    """(uint64, where the next one is) of data[at:end]; a place past `end` when it is cut off or
    longer than a number can be. Places are int64; as unsigned they need no test for a sign."""
    if at < end:
        value = np.uint64(data[np.uint64(at)])
        if value <= _LOW:  # most are this short
            return value, at + 1
    return _take_long(data, at, end)


@numba.njit(cache=True, nogil=True)
def _take_long(data, at, end):  # type: ignore[no-untyped-def]
    value, shift = np.uint64(0), np.uint64(0)
    while at < end and shift <= np.uint64(63):
        byte = np.uint64(data[np.uint64(at)])
        at += 1
        value |= (byte & _LOW) << shift
        if byte <= _LOW:
            return value, at
        shift += _SEVEN
    return np.uint64(0), end + 1


@numba.njit(cache=True, nogil=True, inline="always")
def take_signed(data, at, end):  # type: ignore[no-untyped-def]
    """(int64, where the next one is), as `take_unsigned`."""
    value, at = take_unsigned(data, at, end)
    folded = value - _TWO
    return np.int64(folded >> _ONE) ^ -np.int64(folded & _ONE), at
