"""Moving the write-ahead log into the file, beside the writer instead of in its way.

SQLite checkpoints inside a commit, which then takes 10 ms and more. A thread of
ours copies the bulk while commits go on; what came in meanwhile, little, the
writer copies itself. Without that second step a busy writer would keep the
write-ahead log from ever starting over, and it would grow without bound.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable

import structlog

BYTES = 8 << 20
"""A checkpoint is due after this many appended bytes."""

LIMIT = 64 << 20
"""So many bytes may come in while the thread copies; then the writer waits for it."""

ROUNDS = 2
"""How often to copy, each time what came in meanwhile, before the writer copies the rest."""

logger = structlog.get_logger(__name__)


class Checkpointer:
    """A thread that checkpoints whenever the writer has appended enough."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._bytes = 0
        self._copying = False
        self._wake = threading.Event()
        self._copied = threading.Event()
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="afresh-checkpoint", daemon=True)
        self._thread.start()

    def appended(self, size: int, writer: sqlite3.Connection) -> None:
        """Called by the writer after a commit of `size` bytes."""
        self._bytes += size
        if self._copying:
            if self._bytes >= LIMIT:
                self._copied.wait()
            if self._copied.is_set():
                self._copying = False
                self._bytes = 0
                _checkpoint(writer)
        elif self._bytes >= BYTES:
            self._copying = True
            self._copied.clear()
            self._wake.set()

    def close(self) -> None:
        self._stop = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while self._wake.wait() and not self._stop:
            self._wake.clear()
            try:
                connection = connection or self._connect()
                for _ in range(ROUNDS):
                    _checkpoint(connection)
            except sqlite3.Error as error:
                logger.warning("checkpoint_failed", error=str(error))
            finally:
                self._copied.set()
        if connection is not None:
            connection.close()


def _checkpoint(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    except sqlite3.Error as error:
        # A full disk, mostly. What is in the write-ahead log is safe there; the next one tries.
        logger.warning("checkpoint_failed", error=str(error))
