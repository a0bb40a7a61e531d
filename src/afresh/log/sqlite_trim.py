"""Retention: the old end of the log goes, the catalogue that was in force there stays."""

from __future__ import annotations

from dataclasses import replace as changed
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from afresh.log import Entry, Trimmed
from afresh.log.sqlite_file import give_back
from afresh.log.sqlite_rewrite import replace

if TYPE_CHECKING:
    from afresh.log.sqlite import SqliteLog

BATCH = 64
"""Entries dropped a transaction; between two of them appends go on."""

LATE_SHARE = 10
"""The late stream may take this part (one in ten) of a size limit."""

SLACK = 8
"""The file shrinks when more than one page in so many is free."""


class _Item(msgspec.Struct):
    item_id: str
    deleted: bool = False


_item = msgspec.json.Decoder(_Item)


def trim(
    log: SqliteLog, before_arrival: int | None, max_bytes: int | None, upto: int | None
) -> Trimmed:
    """See `Log.trim`."""
    before = log.bytes_used()
    limit = log.end if upto is None else min(upto, log.end)
    late = _trim_late(log, before_arrival, max_bytes)
    entries = records = 0
    cut = log.start
    if before_arrival is not None:
        cut = max(cut, _first_since(log, before_arrival, limit))
        dropped = _drop(log, cut)
        entries, records = entries + dropped[0], records + dropped[1]
    while max_bytes is not None and (excess := log.bytes_used() - max_bytes) > 0:
        cut = _cut_for(log, excess, limit)
        dropped = _drop(log, cut)
        entries, records = entries + dropped[0], records + dropped[1]
        if not dropped[0]:
            break  # what is left is the catalogue, or is protected by `upto`
    items = _compact(log, log.start)
    _shrink(log)
    return Trimmed(entries, records, items, late, max(0, before - log.bytes_used()))


def _shrink(log: SqliteLog) -> None:
    """Give free pages back when they are many; new entries take up the few."""
    with log.writing() as writer:
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        (free,) = writer.execute("PRAGMA freelist_count").fetchone()
    more = free * SLACK > pages
    while more:
        with log.writing() as writer:
            more = give_back(writer)


def _first_since(log: SqliteLog, arrival: int, limit: int) -> int:
    """The end of the last entry before `limit` that arrived before `arrival`."""
    with log.reader() as reader:
        row = reader.execute(
            "SELECT offset + n FROM entry WHERE arrival < ? AND offset + n <= ?"
            " ORDER BY offset DESC LIMIT 1",
            (arrival, limit),
        ).fetchone()
    return int(row[0]) if row else 0


def _cut_for(log: SqliteLog, excess: int, limit: int) -> int:
    """Where to cut so that at least `excess` bytes of events go."""
    cut = log.start
    with log.reader() as reader:
        for end, size in reader.execute(
            "SELECT offset + n, length(payload) FROM entry"
            " WHERE kind = 0 AND offset >= ? AND offset + n <= ? ORDER BY offset",
            (cut, limit),
        ):
            cut, excess = end, excess - size
            if excess <= 0:
                break
    return cut


def _drop(log: SqliteLog, cut: int) -> tuple[int, int]:
    """Drop the entries of events, and superseded weights, that end at or before `cut`: how many,
    and their records."""
    entries = records = 0
    while True:
        with log.reader() as reader:
            rows = reader.execute(
                "SELECT offset, n, arrival FROM entry WHERE offset + n <= ? AND (kind = 0 OR"
                " kind = 2 AND offset < (SELECT max(offset) FROM entry"
                " WHERE kind = 2 AND offset + n <= ?))"
                f" ORDER BY offset LIMIT {BATCH}",
                (cut, cut),
            ).fetchall()
        if not rows:
            break
        gone = [Entry(o, n, "events", 0, 0, arrival, b"") for o, n, arrival in rows]
        replace(log, [(entry, None) for entry in gone], start=gone[-1].end)
        entries, records = entries + len(rows), records + sum(row[1] for row in rows)
    if cut > log.start:
        replace(log, [], start=cut)
    return entries, records


def _compact(log: SqliteLog, start: int) -> int:
    """Keep the newest record of each item before `start`: how many went."""
    seen: set[str] = set()
    gone = 0
    with log.reader() as reader:
        found = reader.execute(
            "SELECT offset FROM entry WHERE kind = 1 AND offset + n <= ? ORDER BY offset DESC",
            (start,),
        ).fetchall()
    for (offset,) in found:
        old = next(log.read(offset, offset + 1))
        lines = old.payload.splitlines()
        positions = (old.offsets - old.offset).tolist()
        kept = []
        for position, line in reversed(list(zip(positions, lines, strict=True))):
            record = _item.decode(line)
            if record.item_id not in seen and not record.deleted:
                kept.append((position, line))
            seen.add(record.item_id)
        if len(kept) == len(lines):
            continue
        kept.reverse()
        gone += len(lines) - len(kept)
        new = changed(
            old,
            payload=b"".join(line + b"\n" for _, line in kept),
            positions=np.array([position for position, _ in kept], "<u4").tobytes(),
        )
        replace(log, [(old, new if kept else None)])
    return gone


def _trim_late(log: SqliteLog, before_arrival: int | None, max_bytes: int | None) -> int:
    gone = 0
    with log.writing() as writer:
        writer.execute("BEGIN IMMEDIATE")
        if before_arrival is not None:
            gone += writer.execute("DELETE FROM late WHERE arrival < ?", (before_arrival,)).rowcount
        if max_bytes is not None:
            gone += writer.execute(
                "DELETE FROM late WHERE seq <= (SELECT seq FROM (SELECT seq,"
                " sum(length(payload) + 64) OVER (ORDER BY seq DESC) AS size FROM late)"
                " WHERE size > ? ORDER BY seq DESC LIMIT 1)",
                (max_bytes // LATE_SHARE,),
            ).rowcount
        writer.execute("COMMIT")
    return gone
