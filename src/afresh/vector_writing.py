"""Item vectors written behind the fold: what changes in the catalogue goes to a vector database.

A thread of its own writes, so a database that is slow or gone slows no event and no request; an
item that changes ten times meanwhile is written once. A new encoder, or a catalogue of other
fields, begins a new collection: it is filled beside the one in use, the alias is moved to it in one
step, and what no alias names any more is dropped a moment later.
"""

from __future__ import annotations

import contextlib
import threading
import time
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.catalog_state import CatalogState
from afresh.errors import AfreshError, Unavailable
from afresh.log import Log
from afresh.store.replica import Replica
from afresh.vectors.databases import Collection
from afresh.vectors.databases.connection import Connection
from afresh.vectors.databases.putting import put, records_of
from afresh.vectors.databases.target import Target, number_of
from afresh.vectors.text import TextEncoder

FILE = "vectors-written.json"
BATCH = 200
"""Items of one write: read under the replica's lock in a millisecond."""
LOOK_S = 0.1
"""How often it looks for changes."""
CHECK_S = 2.0
"""How often it looks whether the alias still names the collection that is written."""
GRACE_S = 5.0
"""How long a collection stays that no alias names any more: searches may still be under way."""
PAUSES_S = (0.2, 10.0)
"""After a failure, the first wait before the next try, and the longest."""
LAST_S = 5.0
"""How long the database may take for what is left when the server ends."""

_log = structlog.get_logger("afresh.vectors")


class Written(msgspec.Struct):
    """The file: up to where the log is in which collection of which database."""

    where: str
    collection: str
    log: str
    offset: int


class Counts(NamedTuple):
    """written: points since the start. waiting: items that are to be written; behind_s: since when,
    seconds. ready: whether the last try went well and the collection is the live one."""

    written: int
    waiting: int
    behind_s: float
    ready: bool


class VectorWriting:
    """Keeps a collection up to the catalogue of a replica. folder: where it notes how far it is."""

    def __init__(
        self, replica: Replica, log: Log, folder: Path, connection: Connection, target: Target,
        encoder: TextEncoder,
    ) -> None:  # fmt: skip
        self.replica, self.log, self.target = replica, log, target
        self.connection, self.encoder = connection, encoder
        self.file = folder / FILE
        self.written = 0
        self.failure: AfreshError | None = None
        self._pending: dict[str, None] = {}
        self._under_way = 0
        self._since = 0.0
        self._collection: Collection | None = None
        self._is_live = False
        self._noted = -1
        self._checked = self._drop_at = float("inf")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="afresh-vectors-write", daemon=True)

    def start(self) -> None:
        with self.replica.lock:
            self.replica.followers.append(self)
        self._thread.start()

    def close(self) -> None:
        """Write what is left, if the database takes it within LAST_S."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def counts(self) -> Counts:
        """How it goes."""
        waiting = len(self._pending) + self._under_way
        behind = time.monotonic() - self._since if waiting else 0.0
        return Counts(self.written, waiting, behind, self.failure is None and self._is_live)

    # What the replica tells; it holds its lock.

    def changed(self, numbers: NDArray[np.int64]) -> None:
        self._add(self.replica.state.items.texts(numbers))

    def renumber(self, moved: NDArray[np.int64]) -> None:
        """Items wait by their ids."""

    def continued(self, catalog: CatalogState, moved: NDArray[np.int64]) -> None:
        """The records are the same."""

    def _add(self, ids: list[str]) -> None:
        if not self._pending and not self._under_way:
            self._since = time.monotonic()
        self._pending.update(dict.fromkeys(ids))

    # The thread.

    def _run(self) -> None:
        pause, until = PAUSES_S[0], float("inf")
        while True:
            closing = self._closing.is_set()
            if closing:
                until = min(until, time.monotonic() + LAST_S)
            try:
                self._round(until)
                self.failure, pause = None, PAUSES_S[0]
            except Exception as error:
                known = error if isinstance(error, AfreshError) else AfreshError(repr(error))
                if self.failure is None:
                    _log.warning("vectors_not_written", reason=known.message, hint=known.hint)
                self.failure, self._checked = known, float("-inf")
                self._closing.wait(pause)
                pause = min(2 * pause, PAUSES_S[1])
            if closing and (self.failure or not self._pending or time.monotonic() > until):
                return
            self._closing.wait(LOOK_S)

    def _round(self, until: float) -> None:
        """Write all that waits, then say so."""
        collection = self._attached()
        while time.monotonic() < until:
            with self.replica.lock:
                ids, reached = list(islice(self._pending, BATCH)), self.replica.offset
                records = records_of(self.replica, ids)
                self._under_way = len(ids)
                for item in ids:
                    del self._pending[item]
            if not ids:
                self._all_written(collection, reached)
                return
            try:
                self.written += put(records, self.replica, self.encoder, collection)
            except Exception:
                with self.replica.lock:
                    self._add(ids)
                raise
            finally:
                self._under_way = 0

    def _all_written(self, collection: Collection, reached: int) -> None:
        if reached != self._noted:
            collection.flush()
        if not self._is_live:
            database = self.connection.database()
            database.switch(self.target.alias, collection.name)
            self._is_live, self._drop_at = True, time.monotonic() + GRACE_S
            _log.info("vectors_live", collection=collection.name, items=collection.count())
        if reached != self._noted:
            where = self.connection.database().where
            said = Written(where, collection.name, self.log.id, reached)
            self.file.write_bytes(msgspec.json.encode(said))
            self._noted = reached
        if time.monotonic() > self._drop_at:
            self._drop_at = float("inf")
            drop_others(self.connection, self.target, collection.name)

    def _attached(self) -> Collection:
        """The collection to write, with what it lacks among what waits."""
        now = time.monotonic()
        if self._collection is not None and now < self._checked:
            return self._collection
        database = self.connection.database()
        live, held = database.live(self.target.alias), self._collection
        self._checked = now + CHECK_S
        is_own = live is not None and self.target.is_own(live)
        if held is not None and self._is_live and live is not None and not is_own:
            raise Unavailable(
                f"The alias {self.target.alias!r} was moved to {live!r}, which was made by another "
                "encoder or of another catalogue.",
                hint="Of servers that share vectors_name one should write (vectors_write); start "
                "this one again to have it take over.",
            )
        if held is not None and self._is_live and live == held.name:
            return held
        if held is not None and not self._is_live and held.name in database.names():
            return held
        name = live if live and is_own else self.target.next_name(database.names())
        collection = database.make(name, self.target.shape)
        lacking = self._changed_since(database.where, name) if is_own else None
        with self.replica.lock:
            items = self.replica.state.items
            self._add(items.texts(np.arange(len(items))) if lacking is None else lacking)
        self._collection, self._noted, self._is_live = collection, -1, is_own
        self._drop_at = now + GRACE_S if is_own else float("inf")
        return collection

    def _changed_since(self, where: str, name: str) -> list[str] | None:
        """The items whose records the log has beyond what the file says of a collection; None where
        it says nothing: all may be otherwise than they are, those that are gone too."""
        log = self.log
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            said = msgspec.json.decode(self.file.read_bytes(), type=Written)
            same = (said.where, said.collection, said.log) == (where, name, log.id)
            if same and said.offset >= log.start:
                read = log.read(said.offset, self.replica.offset)
                changed = [entry for entry in read if entry.kind == "items"]
                lines = b"\n".join([entry.payload for entry in changed]).split(b"\n")
                return [msgspec.json.decode(line, type=_Named).item_id for line in lines if line]
        return None


class _Named(msgspec.Struct):
    item_id: str


def drop_others(connection: Connection, target: Target, kept: str) -> None:
    """Drop the collections that were made for an alias, but for one, and those that are begun to
    take its place."""
    database = connection.database()
    for name in target.of_alias(database.names()):
        if name != kept and not (target.is_own(name) and number_of(name) > number_of(kept)):
            database.drop(name)
            _log.info("vectors_dropped", collection=name)
