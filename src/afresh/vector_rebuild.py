"""Vectors in a database, looked at and made anew by a command, beside a server or without one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from afresh.app import App
from afresh.log.sqlite import SqliteLog
from afresh.recovery import rebuild
from afresh.settings import Settings
from afresh.stages.sources import encoder
from afresh.store.replica import Replica
from afresh.vector_writing import BATCH, FILE, GRACE_S, Written, drop_others
from afresh.vectors.databases import METRIC
from afresh.vectors.databases.connection import Connection
from afresh.vectors.databases.putting import put, records_of
from afresh.vectors.databases.target import Target, target_of

Progress = Callable[[str, int, int], None]


class Status(msgspec.Struct):
    """where: the database; live: what the alias names, null for nothing; own: whether that is of
    this app's encoder and catalogue; behind: records of the log that this folder's server has not
    written there yet, null where it never wrote there."""

    where: str
    alias: str
    live: str | None
    own: bool
    count: int
    dimensions: int
    metric: str
    fields: list[str]
    behind: int | None
    others: list[str]


def status(app: App, settings: Settings, connection: Connection) -> Status:
    """How it stands with the collections of an alias. Raises Unavailable."""
    target, database = _target(app, settings), connection.database()
    live, names = database.live(target.alias), database.names()
    own = live is not None and target.is_own(live)
    count = database.make(live, target.shape).count() if live is not None and own else 0
    return Status(
        where=database.where,
        alias=target.alias,
        live=live,
        own=own,
        count=count,
        dimensions=target.shape.dims,
        metric=METRIC,
        fields=[field.name for field in target.shape.fields],
        behind=_behind(app, settings.data, database.where, live) if own else None,
        others=[name for name in target.of_alias(names) if name != live],
    )


def make_anew(
    app: App, settings: Settings, connection: Connection, progress: Progress
) -> tuple[str, int]:
    """Fill a new collection from the log, move the alias to it, drop what was there; the name of
    the new one, and its points. A server that writes takes it up by itself. Raises Unavailable."""
    plan, target, database = app.plan(), _target(app, settings), connection.database()
    log = SqliteLog(settings.data, app=app.name, readonly=True)
    try:
        replica = Replica(plan)
        rebuild(log, replica, settings.data / "snapshots", progress)
    finally:
        log.close()
    collection = database.make(target.next_name(database.names()), target.shape)
    rows = np.array(sorted(replica.catalog.records), np.int64)
    for first in range(0, len(rows), BATCH):
        ids = replica.state.items.texts(rows[first : first + BATCH])
        put(records_of(replica, ids), replica, encoder(), collection)
        progress("vectors", first + len(ids), len(rows))
    collection.flush()
    count = collection.count()
    database.switch(target.alias, collection.name)
    time.sleep(GRACE_S)  # searches of the old one may be under way
    drop_others(connection, target, collection.name)
    return collection.name, count


def _target(app: App, settings: Settings) -> Target:
    return target_of(settings.vectors_name, app.plan(), encoder())


def _behind(app: App, folder: Path, where: str, live: str | None) -> int | None:
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        said = msgspec.json.decode((folder / FILE).read_bytes(), type=Written)
        log = SqliteLog(folder, app=app.name, readonly=True)
        try:
            if (said.where, said.collection, said.log) == (where, live, log.id):
                return max(log.end - said.offset, 0)
        finally:
            log.close()
    return None
