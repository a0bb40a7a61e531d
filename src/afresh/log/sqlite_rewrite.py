"""Replacing what entries hold, so that what was removed is in no file any more."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from afresh.errors import Unavailable
from afresh.log import Entry, Keep, LateEvent

if TYPE_CHECKING:
    from afresh.log.sqlite import SqliteLog

BATCH = 8 << 20
"""Bytes of changed entries a transaction; between two of them appends go on."""


def rewrite(
    log: SqliteLog,
    start: int,
    end: int,
    keep: Keep,
    keep_late: Callable[[LateEvent], bool] | None,
) -> int:
    """See `Log.rewrite`."""
    changed: list[tuple[Entry, Entry | None]] = []
    size = done = 0
    for old in log.read(start, end):
        new = keep(old)
        if new == old:
            continue
        if new is not None:
            _check(old, new)
        changed.append((old, new if new is not None and new.held else None))
        size += len(old.payload)
        if size >= BATCH:
            done += replace(log, changed)
            changed, size = [], 0
    done += replace(log, changed)
    if keep_late is not None:
        done += _rewrite_late(log, keep_late)
    if done:
        purge(log)
    return done


def replace(log: SqliteLog, changed: list[tuple[Entry, Entry | None]], start: int = 0) -> int:
    """Write changed entries in one transaction; `start`, when given, is the log's new start."""
    if not changed and not start:
        return 0
    with log.writing() as writer:
        writer.execute("BEGIN IMMEDIATE")
        for old, new in changed:
            if new is None:
                writer.execute("DELETE FROM entry WHERE offset = ?", (old.offset,))
            else:
                writer.execute(
                    "UPDATE entry SET min_ts = ?, max_ts = ?, checksum = ?, positions = ?,"
                    " payload = ? WHERE offset = ?",
                    (
                        new.min_ts,
                        new.max_ts,
                        zlib.crc32(new.payload),
                        new.positions,
                        new.payload,
                        old.offset,
                    ),
                )
        # The entry that was last may be gone: its end and arrival must not be.
        for key, value in (("end", log.end), ("arrival", log.arrival), ("start", start)):
            writer.execute("UPDATE meta SET value = max(value, ?) WHERE key = ?", (value, key))
        writer.execute("COMMIT")
        log.moved(max(start, log.start))
    return len(changed)


def purge(log: SqliteLog) -> None:
    """Empty the write-ahead log, which still holds pages as they were."""
    with log.writing() as writer:
        (busy, _, _) = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise Unavailable(
            f"A reader of {log.path} keeps removed records in its write-ahead log.",
            hint="Close whatever reads the file (a copy, an SQLite shell) and call it again.",
        )


def _check(old: Entry, new: Entry) -> None:
    same = ("offset", "n", "kind", "arrival", "imported")
    if any(getattr(old, name) != getattr(new, name) for name in same):
        raise ValueError(f"keep changed what identifies the entry at offset {old.offset}")
    offsets = new.offsets
    if len(offsets) and (offsets[-1] >= old.end or (offsets[1:] <= offsets[:-1]).any()):
        raise ValueError(f"keep gave positions outside the entry at offset {old.offset}")


def _rewrite_late(log: SqliteLog, keep_late: Callable[[LateEvent], bool]) -> int:
    seq, gone = 0, []
    while True:
        with log.reader() as reader:
            rows = reader.execute(
                "SELECT seq, arrival, timestamp, payload FROM late WHERE seq > ? LIMIT 1000", (seq,)
            ).fetchall()
        if not rows:
            break
        gone += [(row[0],) for row in rows if not keep_late(LateEvent(*row[1:]))]
        seq = rows[-1][0]
    with log.writing() as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.executemany("DELETE FROM late WHERE seq = ?", gone)
        writer.execute("COMMIT")
    return len(gone)
