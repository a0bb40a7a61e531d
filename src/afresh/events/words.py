"""Bytes eight at a time: a text column is hashed, compared and split by words of memory.

numba reads a byte array one element at a time; one unaligned load says as much. Words are
little-endian, whatever the machine, so that a string's first byte is its word's lowest.
"""

from __future__ import annotations

import sys
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

_BIG_ENDIAN = sys.byteorder == "big"
_LOW_BITS = np.uint64(0x7F7F7F7F7F7F7F7F)
_COUNTING = np.uint64(0x0001020304050607)


def _load(typing_context: Any, data: Any, at: Any) -> Any:
    """data[at : at + 8] of a uint8 array as a uint64. Nothing checks that all eight are there."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.gep(array.data, [args[1]])
        word = builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)
        return builder.bswap(word) if _BIG_ENDIAN else word

    return types.uint64(data, types.uint64), generate


load_word: Any = intrinsic(_load)


def _reverse(typing_context: Any, word: Any) -> Any:
    """The same eight bytes, the first one last."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bswap(args[0])

    return types.uint64(types.uint64), generate


reversed_word: Any = intrinsic(_reverse)


@numba.njit(cache=True, nogil=True, inline="always")
def first_word(data, at, size):  # type: ignore[no-untyped-def]
    """data[at : at + size], 0 <= size <= 8, as a uint64 whose other bytes are zero."""
    eight = np.uint64(8)
    if size == 0:
        return np.uint64(0)
    if at + 8 <= len(data):
        return load_word(data, np.uint64(at)) & (~np.uint64(0) >> (eight * np.uint64(8 - size)))
    word = np.uint64(0)
    for k in range(size):
        word |= np.uint64(data[at + k]) << (eight * np.uint64(k))
    return word


@numba.njit(cache=True, nogil=True)
def same_bytes(x, i, y, j, size):  # type: ignore[no-untyped-def]
    """Whether x[i : i + size] and y[j : j + size] are the same."""
    end = size - size % 8
    for k in range(0, end, 8):
        if load_word(x, np.uint64(i + k)) != load_word(y, np.uint64(j + k)):
            return False
    return first_word(x, i + end, size - end) == first_word(y, j + end, size - end)


@numba.njit(cache=True, nogil=True, inline="always")
def zero_bytes(word):  # type: ignore[no-untyped-def]
    """The highest bit of each byte of a word that is zero, and no other bit."""
    return ~(((word & _LOW_BITS) + _LOW_BITS) | word | _LOW_BITS)


@numba.njit(cache=True, nogil=True, inline="always")
def first_byte(marks):  # type: ignore[no-untyped-def]
    """The number of the lowest byte whose highest bit is set: 0 to 7; marks has such bits only."""
    lowest = (marks & (~marks + np.uint64(1))) >> np.uint64(7)
    return np.int64((lowest * _COUNTING) >> np.uint64(56))
