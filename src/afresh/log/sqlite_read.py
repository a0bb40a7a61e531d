"""Reading the log's file, from any thread, while another connection writes it.

A reader takes a connection for a page of entries at a time: one that kept it
for long would keep the write-ahead log from starting over.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from afresh.errors import CorruptData, Unavailable
from afresh.log import Entry, Kind, LateEvent
from afresh.log import sqlite_file as file

KINDS: tuple[Kind, Kind, Kind] = ("events", "items", "weights")

COLUMNS = "offset, n, kind, min_ts, max_ts, arrival, imported, checksum, positions, vector, payload"

PAGE_ENTRIES = 32
"""Entries read at once."""


class SqliteReader:
    """The reading half of `afresh.log.sqlite.SqliteLog`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        self._open = True

    @property
    def end(self) -> int:
        with self.reader() as reader:
            return newest(reader, meta(reader, "end"), 0)[0]

    def read(self, offset: int = 0, until: int | None = None) -> Iterator[Entry]:
        return self._read(offset, until, 0)

    def _read(self, offset: int, until: int | None, imported_from: int) -> Iterator[Entry]:
        until = self.end if until is None else until
        with self.reader() as reader:
            row = reader.execute(
                "SELECT offset, n FROM entry WHERE offset <= ? ORDER BY offset DESC LIMIT 1",
                (offset,),
            ).fetchone()
        at = row[0] if row and row[0] + row[1] > offset else offset
        while at < until:
            with self.reader() as reader:
                rows = reader.execute(
                    f"SELECT {COLUMNS} FROM entry WHERE offset >= ? AND offset < ?"
                    " AND NOT (imported AND kind = 0 AND max_ts < ?)"
                    f" ORDER BY offset LIMIT {PAGE_ENTRIES}",
                    (at, until, imported_from),
                ).fetchall()
            for row in rows:
                entry = self.entry(row)
                at = entry.end
                yield entry
            if len(rows) < PAGE_ENTRIES:
                return

    def between(self, min_ts: int, max_ts: int) -> Iterator[Entry]:
        if min_ts >= max_ts:
            return
        with self.reader() as reader:
            span = int(meta(reader, "span"))
            found = sorted(
                reader.execute(
                    "SELECT offset FROM entry INDEXED BY entry_time WHERE kind = 0"
                    " AND max_ts >= ? AND max_ts < ? AND min_ts < ?",
                    (min_ts, max_ts + span, max_ts),
                ).fetchall()
            )
        for first in range(0, len(found), PAGE_ENTRIES):
            with self.reader() as reader:
                rows = [
                    reader.execute(f"SELECT {COLUMNS} FROM entry WHERE offset = ?", key).fetchone()
                    for key in found[first : first + PAGE_ENTRIES]
                ]
            yield from (self.entry(row) for row in rows if row is not None)

    def since(self, arrival: int, *, imported_from: int = 0) -> Iterator[Entry]:
        # Arrivals ascend with offsets, so a binary search does what an index would.
        low, high = 0, self.end
        with self.reader() as reader:
            while low < high:
                middle = (low + high) // 2
                row = reader.execute(
                    "SELECT offset, n, arrival FROM entry WHERE offset <= ?"
                    " ORDER BY offset DESC LIMIT 1",
                    (middle,),
                ).fetchone()
                if row is None or row[2] < arrival:
                    low = middle + 1
                else:
                    high = row[0]
        return self._read(low, None, imported_from)

    def late(self, limit: int = 100) -> list[LateEvent]:
        with self.reader() as reader:
            rows = reader.execute(
                "SELECT arrival, timestamp, payload FROM late ORDER BY seq DESC LIMIT ?", (limit,)
            ).fetchall()
        return [LateEvent(*row) for row in rows]

    def bytes_used(self) -> int:
        with self.reader() as reader:
            (pages,) = reader.execute("PRAGMA page_count").fetchone()
            (free,) = reader.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free) * file.PAGE

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading, for the length of the block."""
        if not self._open:
            raise Unavailable(f"The log {self.path} is closed.", hint="Open it again.")
        with file.translated(self.path):
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = file.connect(self.path, readonly=True)
            try:
                yield connection
            finally:
                if self._open:
                    self._idle.append(connection)
                else:
                    connection.close()

    def entry(self, row: tuple[Any, ...]) -> Entry:
        """The entry of a row of COLUMNS. Raises CorruptData when its bytes have changed."""
        (offset, n, kind, min_ts, max_ts, arrival, imported, checksum, positions, vector,
         payload) = row  # fmt: skip
        if zlib.crc32(payload) != checksum:
            raise CorruptData(
                f"The entry at offset {offset} of the log {self.path} is damaged.",
                hint="Restore the folder from a copy, or move it away and import your files again.",
            )
        return Entry(
            offset, n, KINDS[kind], min_ts, max_ts, arrival, payload, bool(imported), positions,
            as_vector(vector or b""),
        )  # fmt: skip


def as_vector(stored: bytes) -> tuple[int, ...]:
    """A vector of offsets, as `from_vector` wrote it."""
    return tuple(np.frombuffer(stored, "<i8").tolist())


def from_vector(vector: tuple[int, ...]) -> bytes:
    return np.array(vector, "<i8").tobytes()


def meta(connection: sqlite3.Connection, key: str) -> Any:
    return connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0]


def newest(connection: sqlite3.Connection, end: int, arrival: int) -> tuple[int, int]:
    """(end, arrival) of the log; the given ones are those of the last entry ever removed."""
    row = connection.execute(
        "SELECT offset + n, arrival FROM entry ORDER BY offset DESC LIMIT 1"
    ).fetchone() or (0, 0)
    return max(row[0], end), max(row[1], arrival)
