"""Facts: the events that sequences, sessions and postings point at.

One row an event, in order of arrival: timestamp, event id, type, item, session.
Lists hold row numbers (4 bytes each), ordered by the total order
(timestamp, event_id). Event ids are kept in 16 bytes where that loses nothing:

tag 0  up to 16 bytes as they are, zero-padded;
tag 1  a lower-case UUID with dashes;      tag 2  32 lower-case hex digits;
tag 3  anything longer: `hi` is its length, `lo` its place in an arena.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.events.texts import as_bytes, split_column
from afresh.features.interning import grown


@numba.njit(cache=True, nogil=True)
def _nibble(c):  # type: ignore[no-untyped-def]
    if 48 <= c <= 57:
        return c - 48
    if 97 <= c <= 102:
        return c - 87
    return -1


@numba.njit(cache=True, nogil=True)
def _pack_hex(data, a, dashes):  # type: ignore[no-untyped-def]
    """(ok, hi, lo) of 32 hex digits at a; with dashes, of a UUID's text."""
    hi, lo, done, p = np.uint64(0), np.uint64(0), 0, a
    while done < 32:
        if dashes and (p - a == 8 or p - a == 13 or p - a == 18 or p - a == 23):
            if data[p] != 45:
                return False, hi, lo
            p += 1
            continue
        v = _nibble(data[p])
        if v < 0:
            return False, hi, lo
        if done < 16:
            hi = (hi << np.uint64(4)) | np.uint64(v)
        else:
            lo = (lo << np.uint64(4)) | np.uint64(v)
        done += 1
        p += 1
    return True, hi, lo


@numba.njit(cache=True, nogil=True)
def pack_ids(data, starts, arena, used, tags, hi, lo):  # type: ignore[no-untyped-def]
    """Pack event ids into tags uint8[n], hi and lo uint64[n]; returns the arena bytes used."""
    for i in range(len(starts) - 1):
        a, b = starts[i], starts[i + 1] - 1
        size = b - a
        ok, h, l = False, np.uint64(0), np.uint64(0)
        if size <= 16:
            for j in range(16):
                c = np.uint64(data[a + j]) if j < size else np.uint64(0)
                if j < 8:
                    h = (h << np.uint64(8)) | c
                else:
                    l = (l << np.uint64(8)) | c
            tags[i], hi[i], lo[i] = 0, h, l
            continue
        if size == 36:
            ok, h, l = _pack_hex(data, a, True)
            if ok:
                tags[i], hi[i], lo[i] = 1, h, l
                continue
        if size == 32:
            ok, h, l = _pack_hex(data, a, False)
            if ok:
                tags[i], hi[i], lo[i] = 2, h, l
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
        v = np.uint8((word >> np.uint64(4 * (15 - j % 16))) & np.uint64(15))
        out[n] = v + 48 if v < 10 else v + 87
        n += 1
    return n


@numba.njit(cache=True, nogil=True)
def _id_before(t1, h1, l1, t2, h2, l2, arena):  # type: ignore[no-untyped-def]
    """Whether the first event id stands before the second in byte order."""
    if t1 == t2 and t1 != 3:
        return h1 < h2 or (h1 == h2 and l1 < l2)
    if t1 == 3 and t2 == 3:
        return _bytes_before(arena, l1, h1, arena, l2, h2)
    a, b = np.empty(256, np.uint8), np.empty(256, np.uint8)
    na, nb = unpack_id(t1, h1, l1, arena, a), unpack_id(t2, h2, l2, arena, b)
    return _bytes_before(a, np.uint64(0), np.uint64(na), b, np.uint64(0), np.uint64(nb))


@numba.njit(cache=True, nogil=True)
def _bytes_before(a, at_a, na, b, at_b, nb):  # type: ignore[no-untyped-def]
    j, one = np.uint64(0), np.uint64(1)
    while j < na and j < nb:
        if a[at_a + j] != b[at_b + j]:
            return a[at_a + j] < b[at_b + j]
        j += one
    return na < nb


@numba.njit(cache=True, nogil=True)
def _pack_arena(tag, hi, lo, arena):  # type: ignore[no-untyped-def]
    """Move the long ids of the rows together, in order; returns the new arena. lo is updated."""
    size = 0
    for row in range(len(tag)):
        if tag[row] == 3:
            size += np.int64(hi[row])
    out = np.empty(size, np.uint8)
    at = 0
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


@numba.njit(cache=True, nogil=True)
def sort_ties(order, ts, tag, hi, lo, arena):  # type: ignore[no-untyped-def]
    """Put events of one timestamp in the order of their ids; order int64[n] is by ts already.

    A merge sort of each run of equal timestamps, so that one moment may hold any number.
    """
    n = len(order)
    space = np.empty(n, np.int64)
    first = 0
    while first < n:
        last = first + 1
        while last < n and ts[order[last]] == ts[order[first]]:
            last += 1
        width, sorted_already = 1, True
        for k in range(first + 1, last):
            left, right = order[k - 1], order[k]
            if _id_before(tag[right], hi[right], lo[right], tag[left], hi[left], lo[left], arena):
                sorted_already = False
                break
        while not sorted_already and width < last - first:
            for a in range(first, last, 2 * width):
                middle, end = min(a + width, last), min(a + 2 * width, last)
                i, j = a, middle
                for k in range(a, end):
                    left = order[i] if i < middle else -1
                    right = order[j] if j < end else -1
                    if j >= end or (
                        i < middle
                        and not _id_before(
                            tag[right], hi[right], lo[right], tag[left], hi[left], lo[left], arena
                        )
                    ):
                        space[k] = left
                        i += 1
                    else:
                        space[k] = right
                        j += 1
            order[first:last] = space[first:last]
            width *= 2
        first = last


@numba.njit(cache=True, nogil=True)
def _append(order, ts, kinds, wanted, items, sessions, tags, hi, lo, oldest, used,
            f_ts, f_tag, f_hi, f_lo, f_kind, f_item, f_session, rows):  # type: ignore[no-untyped-def]  # fmt: skip
    for k in range(len(order)):
        i = order[k]
        if items[i] < 0 or sessions[i] < 0 or not wanted[kinds[i]] or ts[i] <= oldest:
            rows[k] = -1
            continue
        rows[k] = used
        f_ts[used] = ts[i]
        f_tag[used] = tags[i]
        f_hi[used] = hi[i]
        f_lo[used] = lo[i]
        f_kind[used] = kinds[i]
        f_item[used] = items[i]
        f_session[used] = sessions[i]
        used += 1
    return used


COLUMNS = {
    "ts": np.int64,
    "tag": np.uint8,
    "hi": np.uint64,
    "lo": np.uint64,
    "kind": np.uint8,
    "item": np.int32,
    "session": np.int32,
}


class Facts:
    """The rows. `wanted` bool[256]: the event types that some list keeps."""

    ts: NDArray[np.int64]
    tag: NDArray[np.uint8]
    hi: NDArray[np.uint64]
    lo: NDArray[np.uint64]
    kind: NDArray[np.uint8]
    item: NDArray[np.int32]
    session: NDArray[np.int32]

    def __init__(self, wanted: NDArray[np.bool_]) -> None:
        self.wanted = wanted
        self.used = 0
        self.arena = np.empty(1 << 10, np.uint8)
        self.arena_used = 0
        for name, dtype in COLUMNS.items():
            setattr(self, name, np.empty(1 << 10, dtype))

    def append(
        self,
        ts: NDArray[np.int64],
        kinds: NDArray[np.uint8],
        event_ids: bytes,
        items: NDArray[np.int64],
        sessions: NDArray[np.int64],
        oldest: int,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Keep a batch's events, in total order, so that of two new rows the lower stands first.

        Returns (order, rows), int64[n] both: the batch's events in total order, and the row
        of each, -1 where no list wants it. oldest: an event at or before it is out of every
        list's reach.
        """
        n = len(ts)
        self._reserve(n, len(event_ids))
        tags, hi, lo = np.empty(n, np.uint8), np.empty(n, np.uint64), np.empty(n, np.uint64)
        data = as_bytes(event_ids)
        self.arena_used = int(
            pack_ids(data, split_column(data, n), self.arena, self.arena_used, tags, hi, lo)
        )
        rows = np.empty(n, np.int64)
        order = np.argsort(ts, kind="stable")
        sort_ties(order, ts, tags, hi, lo, self.arena)
        self.used = int(
            _append(
                order, ts, kinds, self.wanted, items, sessions, tags, hi, lo, oldest, self.used,
                self.ts, self.tag, self.hi, self.lo, self.kind, self.item, self.session, rows,
            )
        )  # fmt: skip
        return order, rows

    def _reserve(self, rows: int, size: int) -> None:
        if self.used + rows > len(self.ts):
            capacity = max(2 * len(self.ts), self.used + rows)
            for name in COLUMNS:
                setattr(self, name, grown(getattr(self, name), capacity))
        if self.arena_used + size > len(self.arena):
            self.arena = grown(self.arena, max(2 * len(self.arena), self.arena_used + size))

    def event_id(self, row: int) -> str:
        out = np.empty(256, np.uint8)
        n = unpack_id(self.tag[row], self.hi[row], self.lo[row], self.arena, out)
        return out[:n].tobytes().decode()

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Forget every row but these (ascending); row rows[i] becomes row i."""
        self.used = len(rows)
        for name in COLUMNS:
            setattr(self, name, getattr(self, name)[rows])
        self.arena = _pack_arena(self.tag, self.hi, self.lo, self.arena)
        self.arena_used = len(self.arena)

    def memory(self) -> int:
        """The bytes in use."""
        return self.used * sum(np.dtype(d).itemsize for d in COLUMNS.values()) + self.arena_used

    def dump(self) -> dict[str, NDArray[np.generic]]:
        arrays = {name: getattr(self, name)[: self.used] for name in COLUMNS}
        return {**arrays, "arena": self.arena[: self.arena_used]}

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self.used, self.arena_used = len(arrays["ts"]), len(arrays["arena"])
        for name, array in arrays.items():
            setattr(self, name, np.array(array))
