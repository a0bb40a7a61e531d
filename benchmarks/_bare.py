"""The bare limit of taking events in: decode the JSON, commit the bytes, and nothing else.

msgspec decodes each body into one plain struct; SQLite (WAL, synchronous=FULL, its other
settings as they come) takes the same bytes, one row a body, as many bodies a commit as the server
had. One thread. No admission, no numbering, no fold, no answer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec


class _Properties(msgspec.Struct, gc=False):
    price_cents: int | None = None
    quantity: int | None = None


class Event(msgspec.Struct, gc=False):
    event_id: str
    event_type: str
    timestamp: int
    user_id: str | None = None
    item_id: str | None = None
    session_id: str | None = None
    properties: _Properties | None = None


class Bare:
    """A database of rows of bytes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.decoder = msgspec.json.Decoder(Event)
        self.connection = sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute("CREATE TABLE body (at INTEGER PRIMARY KEY, payload BLOB)")

    def take(self, bodies: Sequence[bytes], per_commit: int) -> int:
        """Decode and store; returns how many events there were."""
        n = 0
        for first in range(0, len(bodies), per_commit):
            group = bodies[first : first + per_commit]
            for body in group:
                n += len(self.decoder.decode_lines(body))
            self.commit(group)
        return n

    def commit(self, group: Sequence[bytes]) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(
            "INSERT INTO body (payload) VALUES (?)", [(body,) for body in group]
        )
        self.connection.execute("COMMIT")

    def close(self) -> None:
        self.connection.close()
