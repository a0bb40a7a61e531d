"""The SQLite file behind the log: how it is opened, what it must say, what its errors mean."""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from afresh.errors import AfreshError, CorruptData, StorageFull, Unavailable

FORMAT = 2
"""Version of the tables below (`user_version`)."""

APPLICATION_ID = 0x61667265
"""Says to `file` and to SQLite whose database this is."""

PAGE = 8192
"""Bytes. Batches want large pages, single events small ones; see docs/design/log.md."""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE entry (
  offset INTEGER PRIMARY KEY, n INTEGER NOT NULL, kind INTEGER NOT NULL,
  min_ts INTEGER NOT NULL, max_ts INTEGER NOT NULL, arrival INTEGER NOT NULL,
  imported INTEGER NOT NULL, checksum INTEGER NOT NULL, positions BLOB,
  vector BLOB, payload BLOB NOT NULL
) STRICT;
CREATE INDEX entry_time ON entry (max_ts, min_ts) WHERE kind = 0;
CREATE INDEX entry_items ON entry (offset) WHERE kind = 1;
CREATE TABLE late (
  seq INTEGER PRIMARY KEY, arrival INTEGER NOT NULL, timestamp INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;
"""


def lock(folder: Path) -> int:
    """Take the folder for writing: a file descriptor that holds the lock until closed."""
    descriptor = os.open(folder / "log.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.read(descriptor, 32).decode(errors="replace").strip()
        os.close(descriptor)
        raise Unavailable(
            f"The log in {folder} is being written by another process"
            + (f" (process {owner})." if owner else "."),
            hint="Stop that process, or give this one another --data folder.",
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def connect(path: Path, *, readonly: bool, durable: bool = True) -> sqlite3.Connection:
    """A connection for one user at a time, from whichever thread that is.

    durable: what was committed outlives a power failure. Otherwise the last commits may be gone
    after one, and the file is whole.
    """
    mode = "ro" if readonly else "rwc"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=10.0,
    )
    if readonly:
        connection.execute("PRAGMA query_only = ON")
        return connection
    connection.execute(f"PRAGMA page_size = {PAGE}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # see checkpoint.py
    connection.execute("PRAGMA secure_delete = ON")  # what was erased is overwritten
    return connection


def prepare(
    connection: sqlite3.Connection, path: Path, app: str, log_id: str, *, readonly: bool
) -> None:
    """Create the tables of a new file; refuse a file that is not a log of this format, app and
    id ("": any, and a random one for a new file)."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables == 0 and version == 0 and not readonly:
        connection.executescript(
            f"BEGIN IMMEDIATE; {SCHEMA}"
            f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT};"
            f"INSERT INTO meta VALUES ('id', '{log_id or secrets.token_hex(8)}'),"
            " ('start', 0), ('end', 0), ('arrival', 0), ('span', 0), ('vector', x'');"
            "COMMIT"
        )
        connection.execute("INSERT INTO meta VALUES ('app', ?)", (app,))
    elif application != APPLICATION_ID:
        raise CorruptData(
            f"{path} is not a log of afresh.", hint="Give another --data folder, or move it away."
        )
    elif version != FORMAT:
        raise AfreshError(
            f"The log {path} has format {version}; this version of afresh reads {FORMAT}.",
            hint="Export it with the version that wrote it, and import the files with this one.",
        )
    (owner,) = connection.execute("SELECT value FROM meta WHERE key = 'app'").fetchone() or ("",)
    if app and owner and app != owner:
        raise AfreshError(
            f"The log {path} belongs to the app '{owner}', not to '{app}'.",
            hint="Give another --data folder.",
        )
    (stored,) = connection.execute("SELECT value FROM meta WHERE key = 'id'").fetchone()
    if log_id and stored != log_id:
        raise AfreshError(
            f"The log {path} does not mirror the topics that the setting `log` names now.",
            hint="Give another --data folder; a new mirror is read from the brokers.",
        )


def set_meta(connection: sqlite3.Connection, key: str, value: object) -> None:
    connection.execute("UPDATE meta SET value = ? WHERE key = ?", (value, key))


VACUUM_PAGES = 1024
"""Pages given back a transaction; between two of them appends go on."""


def give_back(connection: sqlite3.Connection) -> bool:
    """Give one portion of free pages back to the disk; whether more are free."""
    # `execute` would stop after the first page.
    connection.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")
    return bool(connection.execute("PRAGMA freelist_count").fetchone()[0])


_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into those a user can act on."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _CORRUPT or isinstance(error, sqlite3.DataError):
            raise CorruptData(
                f"The log {path} is damaged: {error}.",
                hint="Restore the folder from a copy, or move it away and import your files again.",
            ) from error
        if code in _FULL:
            raise StorageFull(
                f"The disk that holds {path} takes no more: {error}. Nothing of the call was kept.",
                hint="Free some space, or lower the retention; writing resumes by itself.",
            ) from error
        raise Unavailable(
            f"The log {path} cannot be used now: {error}.",
            hint="Check that the folder exists and belongs to this user.",
        ) from error
