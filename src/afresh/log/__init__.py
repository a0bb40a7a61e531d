"""The log: where a fact is made durable. One protocol; each backend is one file.

Every record (an event or an item record) has one offset: 0 for the first,
one more for each after it, never used twice. Records arrive in entries: a
batch of events as `EventBatch.encode()` made it, or item records as NDJSON.
The log does not look into a batch of events. Of item records it reads
`item_id` and `deleted`, and only when it compacts them.

All times are UTC milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Kind = Literal["events", "items", "weights"]
"""Batches of events; item records as NDJSON; what was learned online, as one JSON object."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An entry before it has an offset: what `append` takes.

    `n` records (at least one) between event times `min_ts` and `max_ts`, both
    inclusive (for the others: the arrival). `arrival` is when the door admitted them.
    """

    kind: Kind
    n: int
    min_ts: int
    max_ts: int
    arrival: int
    payload: bytes
    imported: bool = False
    vector: tuple[int, ...] = ()
    """In a log that mirrors a shared one: how far this takes the reader, by partition."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it is read back. It spans the offsets [offset, offset + n).

    `positions` is None as long as the payload holds all n records. After a
    rewrite or a compaction it is uint32[k], little-endian, ascending: the i-th
    record of the payload has the offset `offset + positions[i]`.
    """

    offset: int
    n: int
    kind: Kind
    min_ts: int
    max_ts: int
    arrival: int
    payload: bytes
    imported: bool = False
    positions: bytes | None = None
    vector: tuple[int, ...] = ()

    @property
    def end(self) -> int:
        return self.offset + self.n

    @property
    def held(self) -> int:
        """How many records the payload holds."""
        return self.n if self.positions is None else len(self.positions) // 4

    @property
    def offsets(self) -> NDArray[np.int64]:
        """int64[held]: the offset of each record in the payload."""
        if self.positions is None:
            return np.arange(self.offset, self.end, dtype=np.int64)
        return self.offset + np.frombuffer(self.positions, "<u4").astype(np.int64)


@dataclass(frozen=True, slots=True)
class LateEvent:
    """An event that came too late for the log: `payload` is it as JSON, as it was sent."""

    arrival: int
    timestamp: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Trimmed:
    """What retention dropped: entries and records of events, superseded item records,
    late events, and the bytes by which the log shrank."""

    entries: int = 0
    records: int = 0
    items: int = 0
    late: int = 0
    bytes: int = 0


Keep = Callable[[Entry], Entry | None]
"""Says what is to remain of an entry: the same entry (nothing changes), a smaller one
with its `payload`, `positions`, `min_ts` and `max_ts` replaced, or None (nothing)."""


class Log(Protocol):
    """Durable, ordered, readable while it is written.

    One process writes; `append` is called by one thread at a time. Reading is
    possible from any thread and never makes a writer wait. Errors: `StorageFull`
    when the disk or the budget is full and `Unavailable` when the log cannot be
    written; nothing of that call is kept and the next call may succeed by
    itself. `CorruptData` when what is read is not what was written.
    """

    @property
    def id(self) -> str:
        """16 hex digits, random, fixed when the log is created."""

    @property
    def start(self) -> int:
        """The first offset from which every record is held, erased ones aside. Before it
        only the newest record of each item is left."""

    @property
    def end(self) -> int:
        """The offset that the next record gets."""

    @property
    def arrival(self) -> int:
        """The arrival of the newest entry; 0 when there never was one."""

    def append(self, entries: Sequence[Pending], late: Sequence[LateEvent] = ()) -> list[int]:
        """Make entries and late events durable, all or none; the first offset of each entry.

        When it returns, they are on disk. An arrival may not be less than one
        before it in the log (ValueError).
        """

    def read(self, offset: int = 0, until: int | None = None) -> Iterator[Entry]:
        """The entries that overlap [offset, until), in the order of offsets.

        `until` is the log's end when reading begins, unless given. A slow reader
        holds nothing up; what retention drops meanwhile it does not see.
        """

    def between(self, min_ts: int, max_ts: int) -> Iterator[Entry]:
        """The entries of events that can hold an event time in [min_ts, max_ts), in the
        order of offsets: the time index."""

    def since(self, arrival: int, *, imported_from: int = 0) -> Iterator[Entry]:
        """The entries that arrived at `arrival` or after it, in the order of offsets.

        Imported events whose entry ends before `imported_from`, UTC ms, are left out.
        """

    def late(self, limit: int = 100) -> list[LateEvent]:
        """The newest late events, the newest first."""

    def trim(
        self,
        *,
        before_arrival: int | None = None,
        max_bytes: int | None = None,
        upto: int | None = None,
    ) -> Trimmed:
        """Retention: drop the oldest entries of events, whole, and late events with them.

        Dropped is what arrived before `before_arrival`, then the oldest until
        `bytes_used()` is at most `max_bytes`; never an entry that ends after `upto`.
        Of the item records before the new start the newest of each item stays,
        unless it says `"deleted": true`, and of the weights the newest: a reader that
        begins at any offset from the start on finds what is in force there.
        """

    def rewrite(
        self,
        start: int,
        end: int,
        keep: Keep,
        keep_late: Callable[[LateEvent], bool] | None = None,
    ) -> int:
        """Replace what entries overlapping [start, end) hold; how many were changed.

        What remains keeps its offset, and no offset is used again. When the call
        returns, the bytes that went are in no file of the log. Each entry is
        changed whole or not at all; after a crash, call it again. `keep_late`
        says which late events stay (all, unless given).
        """

    def bytes_used(self) -> int:
        """The bytes of the log's files that hold something."""

    def checkpoint(self) -> None:
        """Bring the files into their tidiest form (after an import, before a copy)."""

    def close(self) -> None:
        """Release files and locks. Every other method then raises Unavailable."""
