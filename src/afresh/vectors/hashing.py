"""Vectors from text without a model: words and character n-grams, hashed.

Weinberger et al.: Feature hashing for large scale multitask learning, ICML 2009. Each feature
adds +1 or -1, both from its hash, to a few of the dimensions, so that cosines of hashed vectors
are those of the counts in the mean. It knows spelling and no meaning: "sock" is near "socks"
and far from "stocking".
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np

from afresh.events.texts import as_bytes
from afresh.vectors import Vectors

_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_MIX = np.uint64(0xFF51AFD7ED558CCD)
SHORTEST, LONGEST = 3, 4
"""Bytes of an n-gram, the marks at a word's ends included."""
WORD, GRAM = 2.0, 1.0
"""What a word counts beside one of its n-grams."""


@numba.njit(cache=True, nogil=True)
def _add(data, a, b, weight, out):  # type: ignore[no-untyped-def]
    """Add the feature data[a:b] to out float32[dims]: FNV-1a, mixed, four dimensions a hash."""
    h = _OFFSET
    for i in range(a, b):
        h = (h ^ np.uint64(data[i])) * _PRIME
    h = (h ^ (h >> np.uint64(33))) * _MIX
    h ^= h >> np.uint64(29)
    dims = np.uint64(len(out))
    for _ in range(4):
        at = (h & np.uint64(0x7FFF)) % dims
        out[at] += weight if h & np.uint64(0x8000) else -weight
        h >>= np.uint64(16)


@numba.njit(cache=True, nogil=True)
def _encode(data, begin, out):  # type: ignore[no-untyped-def]
    """data uint8: words, each between spaces; begin int64[n + 1] -> out float32[n, dims]."""
    for text in range(len(begin) - 1):
        at = begin[text]
        while at < begin[text + 1]:
            end = at + 1
            while end < begin[text + 1] and data[end] != 32:
                end += 1
            # data[at:end + 1] is a word and the spaces around it.
            if end > at + 1 and end < begin[text + 1]:
                _add(data, at + 1, end, WORD, out[text])
                for size in range(SHORTEST, LONGEST + 1):
                    for first in range(at, end + 2 - size):
                        _add(data, first, first + size, GRAM, out[text])
            at = end


class HashedText:
    """A TextEncoder that needs no package and no weights."""

    name = "hashed"

    def __init__(self, dims: int) -> None:
        self.dims = dims

    def encode(self, texts: Sequence[str]) -> Vectors:
        spaced = [_spaced(text) for text in texts]
        begin = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(text) for text in spaced], out=begin[1:])
        out = np.zeros((len(texts), self.dims), np.float32)
        _encode(as_bytes(b"".join(spaced)), begin, out)
        lengths = np.linalg.norm(out, axis=1, keepdims=True)
        np.divide(out, lengths, out=out, where=lengths > 0)
        return out


def _spaced(text: str) -> bytes:
    """The words of a text in lower case, a space before, between and after them."""
    plain = "".join([c if c.isalnum() else " " for c in text.casefold()])
    return " ".join(["", *plain.split(), ""]).encode("utf-8", "replace")
