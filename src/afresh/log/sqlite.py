"""The log in one SQLite file: WAL, synchronous=FULL, one row an entry.

One connection writes; reading is in sqlite_read.py, on connections of its own.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from afresh.errors import StorageFull, Unavailable
from afresh.log import Keep, LateEvent, Pending, Trimmed
from afresh.log import sqlite_file as file
from afresh.log.checkpoint import Checkpointer
from afresh.log.sqlite_read import KINDS, SqliteReader, as_vector, from_vector, meta, newest
from afresh.log.sqlite_rewrite import rewrite
from afresh.log.sqlite_trim import trim


class SqliteLog(SqliteReader):
    """A log in `folder/log.sqlite3`. The promise is that of `afresh.log.Log`.

    `app` names the application that owns the folder. `max_bytes` is a budget for
    the files: past it, `append` raises StorageFull. With `readonly` the folder
    may be written by another process meanwhile. A log with a `mirror_of` is a copy of a shared log
    with that id and so many partitions: a power failure may take its last entries, which are read
    again from there.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        app: str = "",
        max_bytes: int | None = None,
        readonly: bool = False,
        mirror_of: str = "",
        partitions: int = 0,
    ) -> None:
        folder = Path(folder)
        super().__init__(folder / "log.sqlite3")
        self.max_bytes = max_bytes
        self.readonly, self.mirror_of = readonly, mirror_of
        self.appended: Callable[[], None] = lambda: None
        """Called after each `append`, by its thread, when what was appended can be read."""
        self.writer_lock = threading.RLock()
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
                connection = file.connect(self.path, readonly=readonly, durable=not mirror_of)
                try:
                    file.prepare(connection, self.path, app, mirror_of, readonly=readonly)
                    stored = dict(connection.execute("SELECT key, value FROM meta").fetchall())
                    self.id = str(stored["id"])
                    self._start, self._span = int(stored["start"]), int(stored["span"])
                    self.vector = as_vector(stored["vector"]) or (0,) * partitions
                    """The vector of the newest entry that had one; zeros before there is one."""
                    if not stored["vector"] and partitions:
                        file.set_meta(connection, "vector", from_vector(self.vector))
                    self._end, self._arrival = newest(connection, stored["end"], stored["arrival"])
                except BaseException:
                    connection.close()
                    raise
                if readonly:
                    self._idle.append(connection)
                else:
                    self._writer = connection
                    self._checkpointer = Checkpointer(self._connect_writer)
        except BaseException:
            self.close()
            raise

    @property
    def start(self) -> int:
        if self.readonly:
            with self.reader() as reader:
                return int(meta(reader, "start"))
        return self._start

    @property
    def end(self) -> int:
        return super().end if self.readonly else self._end

    @property
    def arrival(self) -> int:
        if self.readonly:
            with self.reader() as reader:
                return newest(reader, 0, meta(reader, "arrival"))[1]
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
                    (end, e.n, kind, e.min_ts, e.max_ts, e.arrival, e.imported, checksum,
                     from_vector(e.vector) if e.vector else None, e.payload)
                )  # fmt: skip
                offsets.append(end)
                end, arrival = end + e.n, e.arrival
                if e.kind == "events":
                    span = max(span, e.max_ts - e.min_ts)
            size = sum(len(e.payload) for e in entries) + sum(len(e.payload) for e in late)
            self._afford(size)
            writer.execute("BEGIN IMMEDIATE")
            writer.executemany(
                "INSERT INTO entry (offset, n, kind, min_ts, max_ts, arrival, imported, checksum,"
                " vector, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            vector = next((e.vector for e in reversed(entries) if e.vector), self.vector)
            if vector != self.vector:  # the entry may be trimmed, its place must not be
                file.set_meta(writer, "vector", from_vector(vector))
            writer.execute("COMMIT")
            self._end, self._arrival, self._span, self.vector = end, arrival, span, vector
            assert self._checkpointer is not None
            # Beside the payload: a leaf and an index page; when the file grows, also what is
            # left of the last page, the page map and the first page.
            pages = len(rows) + (4 if size > file.PAGE else 1)
            self._checkpointer.appended(size + file.PAGE * pages, writer)
        self.appended()
        return offsets

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

    def checkpoint(self) -> None:
        more = True
        while more:
            with self.writing() as writer:
                more = file.give_back(writer)
        with self.writing() as writer:
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

    def moved(self, start: int) -> None:
        """Note a new start; called after it was committed."""
        self._start = start

    def _connect_writer(self) -> sqlite3.Connection:
        return file.connect(self.path, readonly=False, durable=not self.mirror_of)

    def _afford(self, size: int) -> None:
        if self.max_bytes is None or self._on_disk() + size <= self.max_bytes:
            return
        # The write-ahead log keeps its size when it starts over, and the file its free pages:
        # ask what is really in use.
        assert self._writer is not None
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if self.bytes_used() + size > self.max_bytes:
            raise StorageFull(
                f"The log {self.path} has reached its budget of {self.max_bytes:,} bytes.",
                hint="Raise the budget, or lower the retention; writing resumes by itself.",
            )

    def _on_disk(self) -> int:
        wal = self.path.with_name(self.path.name + "-wal")
        return sum(path.stat().st_size for path in (self.path, wal) if path.exists())
