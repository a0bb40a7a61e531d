"""Moving the write-ahead log into the file, beside the writer instead of in its way.

SQLite checkpoints inside a commit, which then takes 10 to 20 ms. A thread of
ours copies the bulk while commits go on, and holds the writer only for what
came in meanwhile; without that second step a busy writer would keep the
write-ahead log from ever starting over, and it would grow without bound.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable

import structlog

BYTES = 8 << 20
"""A checkpoint is due after this many appended bytes."""

ROUNDS = 2
"""How often to copy, each time what came in meanwhile, before the writer is held."""

PASSIVE = "PRAGMA wal_checkpoint(PASSIVE)"

logger = structlog.get_logger(__name__)


class Checkpointer:
    """A thread that checkpoints whenever `due` was told of enough bytes."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], writer: threading.RLock) -> None:
        self._connect = connect
        self._writer = writer
        self._bytes = 0
        self._wake = threading.Event()
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="afresh-checkpoint", daemon=True)
        self._thread.start()

    def due(self, appended: int) -> None:
        """Count bytes; called by the writer."""
        self._bytes += appended
        if self._bytes >= BYTES:
            self._bytes = 0
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
                    connection.execute(PASSIVE).fetchall()
                with self._writer:
                    connection.execute(PASSIVE).fetchall()
            except sqlite3.Error as error:  # a full disk; the next one tries again
                logger.warning("checkpoint_failed", error=str(error))
        if connection is not None:
            connection.close()
