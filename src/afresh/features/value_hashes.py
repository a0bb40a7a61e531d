"""Hashes of values, by which they are told apart: 64 bits of SHA-256, each worked out once.

The same name has the same hash in every process and engine, so sketches can be compared, merged
and kept; and nobody can choose names whose hashes collide.
"""

from __future__ import annotations

from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from afresh.features.interning import Interner


def value_hash(key: bytes) -> int:
    """The first eight bytes of a key's SHA-256 as a big-endian number, less 2**63: an int64."""
    return int.from_bytes(sha256(key).digest()[:8], "big") - (1 << 63)


class ValueHashes:
    """The hashes of an interner's keys (of parties with their prefix), by number."""

    def __init__(self, names: Interner) -> None:
        self.names = names
        self.clear()

    def clear(self) -> None:
        """The names have other numbers now."""
        self._hashes = np.empty(256, np.int64)
        self._known = np.zeros(256, np.bool_)

    def memory(self) -> int:
        """The bytes in use."""
        return 9 * min(len(self.names), len(self._known))

    def of(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which numbers are names (not -1), bool[n], and their hashes, int64[n]."""
        had, room = len(self._known), self.names.room
        if len(self.names) > had:
            self._hashes = room.grown(self._hashes, 2 * len(self.names))
            self._known = room.grown(self._known, 2 * len(self.names))
            self._known[had:] = False
        named = numbers >= 0
        at = np.where(named, numbers, 0)
        new = np.unique(at[named & ~self._known[at]])
        if len(new):
            key = self.names.key
            self._hashes[new] = [value_hash(key(number)) for number in new.tolist()]
            self._known[new] = True
        return named, self._hashes[at]
