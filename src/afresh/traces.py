"""Traces: what was asked and answered, so that an answer can be questioned later.

A request leaves its trace in memory; a thread of its own writes them to a file beside the log,
twenty times a second. They are not part of the truth: a crash may lose the last second of
them, and when more than `keep` are there, the oldest go.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from zlib import crc32

import msgspec
import structlog

from afresh.request import Query
from afresh.vectors.lookups import Heard

FILE = "traces.sqlite3"
EVERY_S = 0.05
"""Seconds from one writing to the next: short, as requests wait for the interpreter meanwhile."""
WAITING = 20_000
"""Traces that may wait in memory; beyond, the oldest are dropped and counted."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS trace (
  seq INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, body BLOB NOT NULL
) STRICT
"""

_TAKEN = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

_log = structlog.get_logger("afresh.traces")


class Trace(msgspec.Struct, kw_only=True):
    """One answered request.

    at: its moment, UTC ms; offset: of the log that it reflects; ranked: the items of a
    `rank` request, null for a list of our own, and given: what its caller said of each; answer: as
    it was sent. Of each item shown `terms` holds what each of `sources` added to its score;
    removed: how many candidates each filter and rule took away; vectors: the name of the item
    vectors that were in force, where the surface reads such; heard: what a vector database
    answered to each question, null to one that was not answered, and for all where there is none.
    """

    request_id: str
    at: int
    offset: int
    query: Query
    ranked: list[str] | None = None
    given: dict[str, list[float | None]] = {}
    answer: msgspec.Raw
    sources: list[str] = []
    terms: list[list[float]] = []
    removed: dict[str, int] = {}
    vectors: str = ""
    heard: list[Heard | None] | None = None


class Traces:
    """The newest `keep` traces, in `folder/traces.sqlite3`; 0 keeps none and makes no file.
    share: of the answers whose trace is kept, chosen by their request ids."""

    def __init__(self, folder: Path, keep: int, share: float = 1.0) -> None:
        self.keep, self.share, self.dropped = keep, share, 0
        self._waiting: deque[Callable[[], Trace]] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._file: sqlite3.Connection | None = None
        if keep:
            self._file = _opened(folder / FILE)
            self._thread = threading.Thread(target=self._run, name="afresh-traces", daemon=True)
            self._thread.start()

    def put(self, make: Callable[[], Trace]) -> None:
        """Keep a trace, made when it is written; this waits for nothing."""
        if self._file is None:
            return
        if len(self._waiting) >= WAITING:
            with contextlib.suppress(IndexError):
                self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(make)

    def get(self, request_id: str) -> Trace | None:
        """The trace of a request; None when there is none any more."""
        if self._file is None:
            return None
        self.flush()
        with self._lock:
            row = self._file.execute(
                "SELECT body FROM trace WHERE request_id = ?", (request_id,)
            ).fetchone()
        return msgspec.json.decode(row[0], type=Trace) if row else None

    def flush(self) -> None:
        """Write what waits. A disk that is full costs traces, and nothing else."""
        with self._lock:
            if self._file is None or not self._waiting:
                return
            rows = []
            while self._waiting:
                trace = self._waiting.popleft()()
                if crc32(trace.request_id.encode()) < self.share * (1 << 32):
                    rows.append((trace.request_id, msgspec.json.encode(trace)))
            try:
                self._file.execute("BEGIN")
                self._file.executemany(
                    "INSERT OR REPLACE INTO trace (request_id, body) VALUES (?, ?)", rows
                )
                self._file.execute(
                    "DELETE FROM trace WHERE seq <= (SELECT max(seq) FROM trace) - ?", (self.keep,)
                )
                self._file.execute("COMMIT")
            except sqlite3.Error as error:
                self.dropped += len(rows)
                with contextlib.suppress(sqlite3.Error):
                    self._file.execute("ROLLBACK")
                _log.warning("traces_not_kept", traces=len(rows), reason=str(error))

    def _run(self) -> None:
        while not self._closing.wait(EVERY_S):
            self.flush()

    def close(self) -> None:
        if self._thread is None or self._file is None:
            return
        self._closing.set()
        self._thread.join()
        self.flush()
        with self._lock:
            self._file.close()
            self._file = None


def read_traces(folder: Path) -> Iterator[Trace]:
    """The traces in a folder, the oldest first, whoever may be writing them; none of none."""
    path = folder / FILE
    if not path.is_file():
        return
    file = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        for (body,) in file.execute("SELECT body FROM trace ORDER BY seq"):
            yield msgspec.json.decode(body, type=Trace)
    finally:
        file.close()


def _opened(path: Path) -> sqlite3.Connection:
    """The file; one that cannot be read is begun anew."""
    try:
        return _prepared(path)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _TAKEN:
            raise  # another process writes it this moment
        _log.warning("traces_begun_anew", path=str(path), reason=str(error))
        for part in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            part.unlink(missing_ok=True)
        return _prepared(path)


def _prepared(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA synchronous = OFF")
        file.execute("PRAGMA secure_delete = ON")
        file.execute(_SCHEMA)
    except sqlite3.Error:
        file.close()
        raise
    return file
