"""Interning: strings to dense numbers and back, a text column at a time.

An open-addressing table over an arena of key bytes, in numpy arrays, so that a
column of a thousand ids costs one call. Numbers are given in order of first
sight, so they depend on arrival: nothing outside this process may keep them,
and state is compared by the strings.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.events.hashing import hash_bytes
from afresh.events.texts import as_bytes, split_column
from afresh.events.words import same_bytes
from afresh.features.room import MEMORY, Room

_FREE = -1
AHEAD = 128
"""Strings looked at before they are numbered."""


@numba.njit(cache=True, nogil=True)
def _look_ahead(column, starts, first, last, prefix, seed, arena, begin, table, hashes):  # type: ignore[no-untyped-def]
    """Hash the strings first..last, and read the memory that finding them will want.

    Each read waits for memory; done for many strings at once, the waits overlap. What was
    read goes into the last hash's place beyond use, so that it is not optimised away.
    """
    mask = np.uint64(len(table) - 1)
    for i in range(first, last):
        hashes[i - first] = hash_bytes(column, starts[i], starts[i + 1] - 1, seed, prefix)
    seen = np.uint64(0)
    for i in range(first, last):
        entry = table[hashes[i - first] & mask]
        if entry >= 0:
            seen ^= np.uint64(arena[begin[entry & 0xFFFFFFFF]])
    hashes[AHEAD] = seen


@numba.njit(cache=True, nogil=True)
def _intern(column, starts, first, prefix, add, seed, arena, begin, table, meta, out):  # type: ignore[no-untyped-def]
    """Number the strings from `first` on; returns the index where the table got too full.

    table: int64, hash's upper half << 32 | number, or -1. meta: int64[2] = keys held, arena
    bytes used. prefix: a byte put before each key, or 0.
    """
    mask = np.uint64(len(table) - 1)
    limit = len(table) * 5 // 8
    extra = 1 if prefix else 0
    one = np.uint64(1)
    n = len(starts) - 1
    hashes = np.empty(AHEAD + 1, np.uint64)
    for i in range(first, n):
        if i == first or (i - first) % AHEAD == 0:
            _look_ahead(
                column, starts, i, min(i + AHEAD, n), prefix, seed, arena, begin, table, hashes
            )
        a, b = starts[i], starts[i + 1] - 1
        if b <= a:
            out[i] = -1
            continue
        size = b - a
        run = i > first and a - starts[i - 1] - 1 == size  # runs of one id are common
        if run and same_bytes(column, starts[i - 1], column, a, size):
            out[i] = out[i - 1]
            continue
        h = hashes[(i - first) % AHEAD]
        slot = h & mask
        found = -1
        while table[slot] >= 0:
            entry = table[slot]
            if entry >> 32 == np.int64(h >> np.uint64(33)):
                k = entry & 0xFFFFFFFF
                p = begin[k]
                same = begin[k + 1] - p == size + extra and (not extra or arena[p] == prefix)
                same = same and same_bytes(column, a, arena, p + extra, size)
                if same:
                    found = k
                    break
            slot = (slot + one) & mask
        if found < 0 and add:
            if meta[0] >= limit:
                return i
            found = meta[0]
            p = meta[1]
            if extra:
                arena[p] = prefix
                p += 1
            for source in range(a, b):
                arena[p] = column[source]
                p += 1
            meta[0] += 1
            meta[1] = p
            begin[found + 1] = p
            table[slot] = np.int64(h >> np.uint64(33)) << 32 | found
        out[i] = found
    return len(starts) - 1


@numba.njit(cache=True, nogil=True)
def _found(key, prefix, seed, arena, begin, table):  # type: ignore[no-untyped-def]
    """The number of one string, -1 for none; as `_intern` has it."""
    size, extra, mask = len(key), 1 if prefix else 0, np.uint64(len(table) - 1)
    if size == 0:
        return -1
    h = hash_bytes(key, 0, size, seed, prefix)
    slot = h & mask
    while table[slot] >= 0:
        entry = table[slot]
        if entry >> 32 == np.int64(h >> np.uint64(33)):
            k = entry & 0xFFFFFFFF
            p = begin[k]
            same = begin[k + 1] - p == size + extra and (not extra or arena[p] == prefix)
            if same and same_bytes(key, 0, arena, p + extra, size):
                return k
        slot = (slot + np.uint64(1)) & mask
    return -1


@numba.njit(cache=True, nogil=True)
def _fill_table(arena, begin, seed, extra, table, count):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(table) - 1)
    for k in range(count):
        a = begin[k]
        prefix = arena[a] if extra else np.uint8(0)
        h = hash_bytes(arena, a + extra, begin[k + 1], seed, prefix)
        slot = h & mask
        while table[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = np.int64(h >> np.uint64(33)) << 32 | k


@numba.njit(cache=True, nogil=True)
def _gather(arena, begin, numbers):  # type: ignore[no-untyped-def]
    """The keys at `numbers` as an arena and its borders."""
    borders = np.zeros(len(numbers) + 1, np.int64)
    for i in range(len(numbers)):
        borders[i + 1] = borders[i] + begin[numbers[i] + 1] - begin[numbers[i]]
    out = np.empty(borders[-1], np.uint8)
    for i in range(len(numbers)):
        k = numbers[i]
        out[borders[i] : borders[i + 1]] = arena[begin[k] : begin[k + 1]]
    return out, borders


@numba.njit(cache=True, nogil=True)
def _join(arena, begin, numbers):  # type: ignore[no-untyped-def]
    """The keys at `numbers` (-1: none), joined by NUL."""
    size = max(len(numbers) - 1, 0)
    for k in numbers:
        if k >= 0:
            size += begin[k + 1] - begin[k]
    out = np.zeros(size, np.uint8)
    at = 0
    for k in numbers:
        if k >= 0:
            for p in range(begin[k], begin[k + 1]):
                out[at] = arena[p]
                at += 1
        at += 1
    return out


class Interner:
    """A growing set of distinct strings, numbered 0, 1, 2, ...

    With `prefixed`, each key carries one byte saying which kind of name it is, so
    that a user and a session of the same name stay two.
    """

    def __init__(self, *, prefixed: bool = False, room: Room = MEMORY) -> None:
        self.prefixed, self.room = prefixed, room
        self.seed = np.uint64(secrets.randbits(64))
        self.arena = np.empty(1 << 12, np.uint8)
        self.begin = np.zeros((1 << 8) + 1, np.int64)
        self.table = np.full(1 << 9, _FREE, np.int64)
        self.meta = np.zeros(2, np.int64)

    def __len__(self) -> int:
        return int(self.meta[0])

    def intern(self, column: bytes, n: int, prefix: bytes = b"\0") -> NDArray[np.int64]:
        """The numbers of n strings, new ones added: int64[n], -1 for the empty string."""
        return self._run(column, n, prefix, add=True)

    def find(self, column: bytes, n: int, prefix: bytes = b"\0") -> NDArray[np.int64]:
        """The numbers of n strings, -1 for those never seen: int64[n]."""
        return self._run(column, n, prefix, add=False)

    def find_texts(self, texts: Sequence[str], prefix: bytes = b"\0") -> NDArray[np.int64]:
        """The numbers of strings that anyone may have sent, -1 for those never seen: int64[n]."""
        # A string with a NUL is no key, and would shift the others of its column.
        column = "\0".join(["" if "\0" in text else text for text in texts])
        return self.find(column.encode("utf-8", "surrogatepass"), len(texts), prefix)

    def find_one(self, key: str, prefix: bytes = b"\0") -> int:
        """The number of a string that anyone may have sent, -1 for one never seen."""
        data = as_bytes(key.encode("utf-8", "surrogatepass"))
        return int(_found(data, prefix[0], self.seed, self.arena, self.begin, self.table))

    def _run(self, column: bytes, n: int, prefix: bytes, *, add: bool) -> NDArray[np.int64]:
        out = np.empty(n, np.int64)
        if n == 0:
            return out
        data = as_bytes(column)
        starts = split_column(data, n)
        if add:
            self._reserve(n, len(column) + n)
        done = 0
        while True:
            done = _intern(
                data, starts, done, prefix[0], add, self.seed, self.arena, self.begin,
                self.table, self.meta, out,
            )  # fmt: skip
            if done == n:
                return out
            self._rebuild_table(len(self.table) * 2)

    def _reserve(self, keys: int, size: int) -> None:
        count, used = len(self), int(self.meta[1])
        if count + keys >= len(self.begin):
            self.begin = self.room.longer(self.begin, count + keys + 1)
        if used + size > len(self.arena):
            self.arena = self.room.longer(self.arena, used + size)

    def _rebuild_table(self, slots: int) -> None:
        self.table = self.room.full(slots, _FREE, np.int64)
        _fill_table(self.arena, self.begin, self.seed, int(self.prefixed), self.table, len(self))

    def key(self, number: int) -> bytes:
        """The bytes of a key, its prefix included."""
        return self.arena[self.begin[number] : self.begin[number + 1]].tobytes()

    def text(self, number: int) -> str:
        """The string of a key, its prefix left out."""
        return self.key(number)[int(self.prefixed) :].decode()

    def column(self, numbers: NDArray[np.int64]) -> bytes:
        """The strings of keys as a text column; the empty string for -1. Not for prefixed keys."""
        return bytes(_join(self.arena, self.begin, numbers))

    def texts(self, numbers: NDArray[np.integer]) -> list[str]:
        if self.prefixed or not len(numbers):
            return [self.text(number) for number in numbers.tolist()]
        return self.column(np.asarray(numbers, np.int64)).decode().split("\0")

    def keep(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Forget every key but these (ascending); the new number of each old one, -1: forgotten."""
        moved = np.full(len(self), -1, np.int64)
        moved[numbers] = np.arange(len(numbers))
        self._load(*_gather(self.arena, self.begin, numbers))
        return moved

    def _load(self, arena: NDArray[np.uint8], begin: NDArray[np.int64]) -> None:
        count = len(begin) - 1
        self.arena, self.begin = self.room.roomy(arena), self.room.roomy(begin)
        self.meta[:] = count, len(arena)
        slots = 1 << 9
        while slots * 5 // 8 <= count:
            slots *= 2
        self._rebuild_table(slots)

    def memory(self) -> int:
        """The bytes in use."""
        count, used = self.meta.tolist()
        return int(used + 8 * count + self.table.nbytes)

    def dump(self) -> dict[str, NDArray[np.generic]]:
        """The arrays that `restore` needs."""
        count, used = self.meta.tolist()
        return {"arena": self.arena[:used], "begin": self.begin[: count + 1]}

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._load(arrays["arena"].astype(np.uint8), arrays["begin"].astype(np.int64))
