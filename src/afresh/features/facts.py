"""Facts: the events that sequences, sessions and postings point at.

One row an event: timestamp, packed event id, type, item, session. Lists hold row
numbers (4 bytes each), ordered by the total order (timestamp, event_id).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.events.texts import as_bytes, split_column
from afresh.features.event_ids import pack_arena, pack_ids, unpack_id
from afresh.features.event_order import sort_ties
from afresh.features.room import MEMORY, Room


@numba.njit(cache=True, nogil=True)
def _append(order, ts, kinds, wanted, items, sessions, tags, hi, lo, used,  # type: ignore[no-untyped-def]
            f_ts, f_tag, f_hi, f_lo, f_kind, f_item, f_session, rows):  # fmt: skip
    for k in range(len(order)):
        i = order[k]
        if not wanted[i]:
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

    def __init__(self, wanted: NDArray[np.bool_], room: Room = MEMORY) -> None:
        self.wanted, self.room = wanted, room
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
    ) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
        """Keep a batch's events, in total order, so that of two new rows the lower stands first.

        Returns (order, rows): the batch's events in total order, int64[n], or None where they
        were given so; and the row of each in that order, -1 where no list wants it: int64[n].
        oldest: an event at or before it is out of every list's reach.
        """
        n = len(ts)
        self._reserve(n, len(event_ids))
        tags, hi, lo = np.empty(n, np.uint8), np.empty(n, np.uint64), np.empty(n, np.uint64)
        # What no list wants leaves no trace, not even its id.
        wanted = (items >= 0) & (sessions >= 0) & self.wanted[kinds] & (ts > oldest)
        data = as_bytes(event_ids)
        starts = split_column(data, n)
        self.arena_used = int(
            pack_ids(data, starts, wanted, self.arena, self.arena_used, tags, hi, lo)
        )
        rows = np.empty(n, np.int64)
        order = np.argsort(ts, kind="stable")
        as_given = sort_ties(order, ts, tags, hi, lo, self.arena)
        self.used = int(
            _append(
                order, ts, kinds, wanted, items, sessions, tags, hi, lo, self.used,
                self.ts, self.tag, self.hi, self.lo, self.kind, self.item, self.session, rows,
            )
        )  # fmt: skip
        return None if as_given else order, rows

    def _reserve(self, rows: int, size: int) -> None:
        if self.used + rows > len(self.ts):
            for name in COLUMNS:
                column = self.room.longer(getattr(self, name), self.used + rows)
                setattr(self, name, column)
        if self.arena_used + size > len(self.arena):
            self.arena = self.room.longer(self.arena, self.arena_used + size)

    def event_id(self, row: int) -> str:
        out = np.empty(256, np.uint8)
        n = unpack_id(self.tag[row], self.hi[row], self.lo[row], self.arena, out)
        return out[:n].tobytes().decode()

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Forget every row but these (ascending); row rows[i] becomes row i."""
        self.used = len(rows)
        for name in COLUMNS:
            setattr(self, name, self.room.taken(getattr(self, name), rows))
        self.arena = pack_arena(self.tag, self.hi, self.lo, self.arena)
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
            setattr(self, name, self.room.roomy(array))


def total_order(ts: NDArray[np.int64], event_ids: bytes) -> NDArray[np.int64] | None:
    """The order (timestamp, event_id) of a batch's events: int64[n]; None where they have it."""
    n = len(ts)
    tags, hi, lo = np.empty(n, np.uint8), np.empty(n, np.uint64), np.empty(n, np.uint64)
    arena, data = np.empty(len(event_ids) + 1, np.uint8), as_bytes(event_ids)
    pack_ids(data, split_column(data, n), np.ones(n, np.bool_), arena, 0, tags, hi, lo)
    order = np.argsort(ts, kind="stable")
    return None if sort_ties(order, ts, tags, hi, lo, arena) else order
