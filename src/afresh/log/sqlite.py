"""The log in one SQLite file: WAL, synchronous=FULL, one row an entry.

One connection writes. Readers take a connection of their own for a page of
entries at a time, so that none of them keeps the write-ahead log from
starting over.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from afresh.errors import CorruptData, StorageFull, Unavailable
from afresh.log import Entry, Keep, Kind, LateEvent, Pending, Trimmed
from afresh.log import sqlite_file as file
from afresh.log.checkpoint import Checkpointer
from afresh.log.sqlite_rewrite import rewrite
from afresh.log.sqlite_trim import trim

KINDS: tuple[Kind, Kind] = ("events", "items")

COLUMNS = "offset, n, kind, min_ts, max_ts, arrival, imported, checksum, positions, payload"

PAGE_ENTRIES = 32
"""Entries read at once."""


class SqliteLog:
    """A log in `folder/log.sqlite3`. The promise is that of `afresh.log.Log`.

    `app` names the application that owns the folder. `max_bytes` is a budget for
    the files: past it, `append` raises StorageFull. With `readonly` the folder
    may be written by another process meanwhile.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        app: str = "",
        max_bytes: int | None = None,
        readonly: bool = False,
    ) -> None:
        folder = Path(folder)
        self.path = folder / "log.sqlite3"
        self.max_bytes = max_bytes
        self.readonly = readonly
        self.writer_lock = threading.RLock()
        self._idle: list[sqlite3.Connection] = []
        self._open = True
        self._lock: int | None = None
        self._checkpointer: Checkpointer | None = None
        self._writer: sqlite3.Connection | None = None
        with file.translated(self.path):
            if not readonly:
                folder.mkdir(parents=True, exist_ok=True)
                self._lock = file.lock(folder)
            elif not self.path.exists():
                raise Unavailable(f"There is no log in {folder}.", hint="Check the --data folder.")
        try:
            with file.translated(self.path):
                connection = file.connect(self.path, readonly=readonly)
                try:
                    file.prepare(connection, self.path, app, readonly=readonly)
                    meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
                    self.id = str(meta["id"])
                    self._start, self._span = int(meta["start"]), int(meta["span"])
                    self._end, self._arrival = _newest(connection, meta["end"], meta["arrival"])
                except BaseException:
                    connection.close()
                    raise
                if readonly:
                    self._idle.append(connection)
                else:
                    self._writer = connection
                    self._checkpointer = Checkpointer(self._connect_writer, self.writer_lock)
        except BaseException:
            self.close()
            raise

    @property
    def start(self) -> int:
        if self.readonly:
            with self.reader() as reader:
                return int(_meta(reader, "start"))
        return self._start

    @property
    def end(self) -> int:
        if self.readonly:
            with self.reader() as reader:
                return _newest(reader, _meta(reader, "end"), 0)[0]
        return self._end

    @property
    def arrival(self) -> int:
        if self.readonly:
            with self.reader() as reader:
                return _newest(reader, 0, _meta(reader, "arrival"))[1]
        return self._arrival

    def append(self, entries: Sequence[Pending], late: Sequence[LateEvent] = ()) -> list[int]:
        offsets, rows = [], []
        with self.writing() as writer:
            end, arrival, span = self._end, self._arrival, self._span
            for e in entries:
                if e.n < 1 or e.min_ts > e.max_ts or e.arrival < arrival:
                    raise ValueError(
                        f"entry of {e.n} records, times {e.min_ts} to {e.max_ts}, arrived at"
                        f" {e.arrival}, after one that arrived at {arrival}"
                    )
                checksum = zlib.crc32(e.payload)
                kind = KINDS.index(e.kind)
                rows.append(
                    (end, e.n, kind, e.min_ts, e.max_ts, e.arrival, e.imported, checksum, e.payload)
                )
                offsets.append(end)
                end, arrival = end + e.n, e.arrival
                if e.kind == "events":
                    span = max(span, e.max_ts - e.min_ts)
            size = sum(len(e.payload) for e in entries) + sum(len(e.payload) for e in late)
            self._afford(size)
            writer.execute("BEGIN IMMEDIATE")
            writer.executemany(
                "INSERT INTO entry (offset, n, kind, min_ts, max_ts, arrival, imported, checksum,"
                " payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            if late:
                writer.executemany(
                    "INSERT INTO late (arrival, timestamp, payload) VALUES (?, ?, ?)",
                    [(e.arrival, e.timestamp, e.payload) for e in late],
                )
            if span > self._span:
                # The widest entry bounds what `between` looks at. Powers of two: rarely written.
                span = 1 << span.bit_length()
                writer.execute("UPDATE meta SET value = ? WHERE key = 'span'", (span,))
            writer.execute("COMMIT")
            self._end, self._arrival, self._span = end, arrival, span
            assert self._checkpointer is not None
            self._checkpointer.due(size + file.PAGE * (len(rows) + 1))
        return offsets

    def read(self, offset: int = 0, until: int | None = None) -> Iterator[Entry]:
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
                    f" ORDER BY offset LIMIT {PAGE_ENTRIES}",
                    (at, until),
                ).fetchall()
            for row in rows:
                entry = self.entry(row)
                at = entry.end
                yield entry
            if len(rows) < PAGE_ENTRIES:
                return

    def between(self, min_ts: int, max_ts: int) -> Iterator[Entry]:
        with self.reader() as reader:
            span = int(_meta(reader, "span"))
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

    def since(self, arrival: int) -> Iterator[Entry]:
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
        return self.read(low)

    def late(self, limit: int = 100) -> list[LateEvent]:
        with self.reader() as reader:
            rows = reader.execute(
                "SELECT arrival, timestamp, payload FROM late ORDER BY seq DESC LIMIT ?", (limit,)
            ).fetchall()
        return [LateEvent(*row) for row in rows]

    def trim(
        self,
        *,
        before_arrival: int | None = None,
        max_bytes: int | None = None,
        upto: int | None = None,
    ) -> Trimmed:
        return trim(self, before_arrival, max_bytes, upto)

    def rewrite(
        self,
        start: int,
        end: int,
        keep: Keep,
        keep_late: Callable[[LateEvent], bool] | None = None,
    ) -> int:
        return rewrite(self, start, end, keep, keep_late)

    def bytes_used(self) -> int:
        with self.reader() as reader:
            (pages,) = reader.execute("PRAGMA page_count").fetchone()
            (free,) = reader.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free) * file.PAGE

    def checkpoint(self) -> None:
        with self.writing() as writer:
            writer.execute("PRAGMA incremental_vacuum").fetchall()
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        with self.writer_lock:
            self._open = False
        if self._checkpointer is not None:
            self._checkpointer.close()
            self._checkpointer = None
        with self.writer_lock:
            while self._idle:
                self._idle.pop().close()
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    # What retention and rewriting build on.

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The writer, alone. What is not committed when the block is left by an error is undone."""
        with self.writer_lock:
            if self._writer is None or not self._open:
                state = "open for reading only" if self.readonly else "closed"
                raise Unavailable(
                    f"The log {self.path} is {state}.",
                    hint="Open it for writing.",
                )
            with file.translated(self.path):
                try:
                    yield self._writer
                except BaseException:
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
                    raise

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

    def moved(self, start: int) -> None:
        """Note a new start; called after it was committed."""
        self._start = start

    def entry(self, row: tuple[Any, ...]) -> Entry:
        """The entry of a row of COLUMNS. Raises CorruptData when its bytes have changed."""
        offset, n, kind, min_ts, max_ts, arrival, imported, checksum, positions, payload = row
        if zlib.crc32(payload) != checksum:
            raise CorruptData(
                f"The entry at offset {offset} of the log {self.path} is damaged.",
                hint="Restore the folder from a copy, or move it away and import your files again.",
            )
        return Entry(
            offset, n, KINDS[kind], min_ts, max_ts, arrival, payload, bool(imported), positions
        )

    def _connect_writer(self) -> sqlite3.Connection:
        return file.connect(self.path, readonly=False)

    def _afford(self, size: int) -> None:
        if self.max_bytes is None or self._on_disk() + size <= self.max_bytes:
            return
        # The write-ahead log keeps its size when it starts over: ask what is really in use.
        assert self._writer is not None
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if self._on_disk() + size > self.max_bytes:
            raise StorageFull(
                f"The log {self.path} has reached its budget of {self.max_bytes:,} bytes.",
                hint="Raise the budget, or lower the retention; writing resumes by itself.",
            )

    def _on_disk(self) -> int:
        wal = self.path.with_name(self.path.name + "-wal")
        return sum(path.stat().st_size for path in (self.path, wal) if path.exists())


def _meta(connection: sqlite3.Connection, key: str) -> Any:
    return connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0]


def _newest(connection: sqlite3.Connection, end: int, arrival: int) -> tuple[int, int]:
    """(end, arrival) of the log; the given ones are those of the last entry ever removed."""
    row = connection.execute(
        "SELECT offset + n, arrival FROM entry ORDER BY offset DESC LIMIT 1"
    ).fetchone() or (0, 0)
    return max(row[0], end), max(row[1], arrival)
