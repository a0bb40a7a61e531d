"""A slate: bytes in memory that a process shares with those forked from it, and that outlive it.

One process writes, any may read. It has two sides, and the one that is not read is written, so a
writer that is killed in the middle leaves what was there before.
"""

from __future__ import annotations

import mmap
import struct
import zlib

_HEAD = struct.Struct("<QII")
"""Turn, length, CRC-32 of turn and data."""


class Slate:
    """Made before the fork. size: the most bytes that can be written."""

    def __init__(self, size: int = 256 << 10) -> None:
        self._side = size + _HEAD.size
        self._memory = mmap.mmap(-1, 2 * self._side)  # shared, and of no file

    def write(self, data: bytes) -> bool:
        """Replace what is there; False: it is too long, and nothing changes."""
        if len(data) + _HEAD.size > self._side:
            return False
        turn = 1 + max((turn for turn, _ in self._good()), default=0)
        at = (turn % 2) * self._side
        self._memory[at + _HEAD.size : at + _HEAD.size + len(data)] = data
        self._memory[at : at + _HEAD.size] = _HEAD.pack(turn, len(data), _crc(turn, data))
        return True

    def read(self) -> bytes:
        """What was last written whole; empty at first."""
        return max(self._good(), default=(0, b""))[1]

    def _good(self) -> list[tuple[int, bytes]]:
        found = []
        for at in (0, self._side):
            turn, length, crc = _HEAD.unpack_from(self._memory, at)
            if not turn or length + _HEAD.size > self._side:
                continue
            data = self._memory[at + _HEAD.size : at + _HEAD.size + length]
            if _crc(turn, data) == crc:
                found.append((turn, data))
        return found


def _crc(turn: int, data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(turn.to_bytes(8, "little")))
