"""Writing behind: what the fold changed goes into a store, by a thread of its own.

Entities wait in a set, so a store that is slow or gone never slows the fold, and what changes ten
times meanwhile is written once. When all that was touched up to a place in the log is written,
the store's head says so: it is what a reader may rely on, and where the next start goes on from.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import structlog

from afresh.errors import AfreshError, CorruptData, Unavailable
from afresh.events.batch import EventBatch, decode_batch
from afresh.features.engines.embedded import State
from afresh.features.touched import Touched
from afresh.log import Entry, Log
from afresh.store import LOST_S, EntityStore, Put
from afresh.store.entities import Numbers, entities_of, with_facts, with_linked
from afresh.store.pack import pack
from afresh.store.replica import Replica
from afresh.store.value import Head, Keys, generation_of, keys_of, read_head, ttl_of
from afresh.store.warm import warm

AT_ONCE = 256
"""Entities packed under the replica's lock at a time: a fraction of a millisecond."""
LOOK_S = 0.02
"""How often it looks for changes when nobody wakes it."""
PAUSES_S = (0.1, 5.0)
"""After a failure, the first wait before the next try, and the longest."""
CHECK_S = 1.0
"""How often it looks whether the store still holds what was written, when nothing changes."""
LAST_S = 5.0
"""How long a store may take for what is left when the server ends."""

_log = structlog.get_logger("afresh.store")


class Counts(NamedTuple):
    """written, refused: values since the start. waiting: about how many entities are to be
    written. behind: records folded that the store's head does not cover. ready: whether the store
    held all at some time and the last try went well."""

    written: int
    refused: int
    waiting: int
    behind: int
    ready: bool


class Writing:
    """Keeps a store up to what a replica has folded of a log. prefix: of every key.

    written, refused: values since the start; refused are those of which the store held a newer
    version. failure: why nothing can be written now, None while it can.
    """

    def __init__(self, replica: Replica, log: Log, store: EntityStore, prefix: str) -> None:
        self.replica, self.log, self.store = replica, log, store
        self.keys = Keys(prefix, replica.plan)
        self.generation = generation_of(replica.plan, log.id)
        self.ttl_ms = ttl_of(replica.plan)
        self.written = self.refused = 0
        self.failure: AfreshError | None = None
        self._state: State | None = None
        self._said: int | None = None
        """The version of the head that we wrote last."""
        self._first: bytes | None = None
        """A key that was written before any head."""
        self._looked_at = 0.0
        self._takes_over = False
        self._touched = Touched([])
        self._wanted = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="afresh-store", daemon=True)

    def start(self) -> None:
        warm(self.replica.plan)  # compiling would hold the replica's lock
        self._thread.start()

    def wake(self, batch: EventBatch | None = None) -> None:
        """Something was folded."""
        self._wanted.set()

    def close(self) -> None:
        """Write what is left, if the store takes it within LAST_S, and release the store."""
        self._closing.set()
        self.wake()
        if self._thread.is_alive():
            self._thread.join()
        self.store.close()

    def counts(self) -> Counts:
        """How it goes."""
        behind = sum(self.replica.place) - (self._said or 0)
        ready = self.failure is None and self._said is not None
        return Counts(self.written, self.refused, len(self._touched), behind, ready)

    def _run(self) -> None:
        pause, until = PAUSES_S[0], float("inf")
        while True:
            self._wanted.wait(LOOK_S)
            self._wanted.clear()
            closing = self._closing.is_set()
            if closing:
                until = min(until, time.monotonic() + LAST_S)
            try:
                done = self._round(until)
                self.failure, pause = None, PAUSES_S[0]
            except AfreshError as error:
                self._again()
                if self.failure is None:
                    _log.warning("store_not_written", reason=error.message, hint=error.hint)
                self.failure, done = error, True
                self._closing.wait(pause)
                pause = min(2 * pause, PAUSES_S[1])
            except Exception as error:
                _log.critical("store_writing_ended", exc_info=error)
                self.failure = Unavailable(f"Writing to the store ended: {error}.")
                return
            if closing and (done or time.monotonic() > until):
                return

    def _round(self, until: float) -> bool:
        """Write all that was touched so far, and then say so; False: not all of it."""
        if not self._attached():
            return True
        state, touched = self._state, self._touched
        with self.replica.lock:
            touched.begin()
            head = self._head()
        while self.replica.state is state:
            with self.replica.lock:
                due = touched.next(AT_ONCE)
                puts = self._packed(*due) if due else []
            if due is None:
                self._say(head)
                return True
            refused = self.store.put(puts, self.ttl_ms)
            self._first = self._first or puts[0].key
            self.refused += refused
            self.written += len(puts) - refused
            if time.monotonic() > until:
                return False
        return False

    def _head(self) -> Head:
        """The place of the replica; the caller holds its lock."""
        replica = self.replica
        return Head(self.generation, self.log.id, list(replica.place), replica.state.newest)

    def _packed(self, key: str, numbers: Numbers) -> list[Put]:
        state = self.replica.state
        return pack(state, key, with_linked(state, key, numbers), self._head(), self.keys)

    def _again(self) -> None:
        """Of the last round, what was not written and what the store may have lost is due."""
        with self.replica.lock:
            if self.replica.state is self._state:
                self._touched.again(LOST_S)

    def _say(self, head: Head) -> None:
        """Every entity is written up to `head`."""
        now = time.monotonic()
        if head.n == self._said and now - self._looked_at < CHECK_S:
            return
        if self._lost():
            _log.warning("store_lost_values", said=self._said)
            self._state = None
            return
        self._looked_at = now
        if head.n == self._said:
            return
        if self._takes_over:  # the head of another log may have any version
            self.store.replace(head.put(self.keys.head), self.ttl_ms)
        else:
            self.store.put([head.put(self.keys.head)], self.ttl_ms)
        self._said, self._takes_over = head.n, False

    def _lost(self) -> bool:
        """Whether the store was emptied, or an older copy of it took over."""
        if self._said is None:
            return self._first is not None and self.store.get([self._first]) == [None]
        held = self._held()
        if held is not None and held.generation != self.generation:
            raise Unavailable(
                "A server with another log writes the same app and definition into the store.",
                hint="Give one of them another store_prefix.",
            )
        return held is None or held.n < self._said

    def _held(self) -> Head | None:
        """The store's head; None: there is none that can be read."""
        value = self.store.get([self.keys.head])[0]
        try:
            return None if value is None else read_head(value)
        except CorruptData:
            return None

    def _attached(self) -> bool:
        """Have the fold note what it touches; what the store lacks at first is touched too.
        False while the state is that of an older definition."""
        replica = self.replica
        if replica.state is self._state:
            return True
        held = self._held()
        with replica.lock:
            if replica.warming is not None:
                return False
            state, offset = replica.state, replica.offset
            touched = state.touched = Touched(keys_of(state.plan))
        missed = self._missed(held, offset)
        if missed is None:
            with replica.lock:
                touched.note({key: with_facts(state, key) for key in touched.keys})
        for entry in missed or ():
            if entry.kind == "events" and entry.held:
                with replica.lock:
                    touched.note(entities_of(state, decode_batch(entry.payload)))
        self._state, self._touched, self._said, self._first = state, touched, None, None
        self._takes_over = held is None or held.generation != self.generation
        return True

    def _missed(self, held: Head | None, offset: int) -> Iterable[Entry] | None:
        """What the log has that the store lacks; None: the store lacks all."""
        log, place = self.log, self.replica.place
        if held is None or held.generation != self.generation or len(held.offsets) != len(place):
            return None
        if not self.replica.vector:
            return log.read(held.n, offset) if log.start <= held.n else None
        first = next(iter(log.read(log.start, offset)), None)
        if log.start and (first is None or not _within(first.vector, held.offsets)):
            return None
        return (e for e in log.read(log.start, offset) if not _within(e.vector, held.offsets))


def _within(vector: Sequence[int], reached: Sequence[int]) -> bool:
    return all(wanted <= held for wanted, held in zip(vector, reached, strict=True))
