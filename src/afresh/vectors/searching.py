"""Searching a vector database beside requests: answers are remembered for some seconds.

A request says what it will ask, waits as long as it may, and then takes what is known. What comes
later is there for the next one. After failures nothing is asked for a while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.errors import AfreshError, Unavailable
from afresh.vectors.databases import Collection, Hits
from afresh.vectors.databases.connection import Connection
from afresh.vectors.databases.filters import Filter
from afresh.vectors.databases.target import Target
from afresh.vectors.lookups import Lookup, Question, question

FRESH_S = 5.0
"""How long an answer is taken for what the database would say now."""
REMEMBERED = 2000
"""Answers at hand, some 20 KB each."""
LOOK_S = 1.0
"""How often it looks which collection is live."""
THREADS, WAITING = 8, 64
"""Searches at a time, and those that wait for one; beyond, nothing is asked."""
REST_S, LONGEST_S = 0.5, 30.0
"""After a failure, the first rest and the longest."""

_log = structlog.get_logger("afresh.vectors")


class Searched(NamedTuple):
    """Questions since the start: answered by the database, remembered, failed there, and not asked
    as too much waited or it rested. ready: whether the last search went well."""

    answered: int
    remembered: int
    failed: int
    unasked: int
    ready: bool


class Searching:
    """Remembers what the database said. All calls may come from any thread."""

    def __init__(self, connection: Connection, target: Target) -> None:
        self.connection, self.target = connection, target
        self._pool = ThreadPoolExecutor(THREADS, "afresh-vectors-search")
        self._lock = threading.Lock()
        self._known: dict[Question, tuple[Hits, float]] = {}
        self._running: dict[Question, Future[None]] = {}
        self._collection: Collection | None = None
        self._looked = self._until = float("-inf")
        self._rest = REST_S
        self._answered = self._remembered = self._failed = self._unasked = 0
        self._ready = False

    def lookup(self, where: Filter | None = None) -> Lookup:
        """What is remembered of questions among the points that a filter lets pass."""

        def remembered(vector: NDArray[np.float32], n: int) -> Hits | None:
            held = self._known.get(question(vector, n, where))
            return held[0] if held is not None and _is_fresh(held[1]) else None

        return remembered

    def ask(self, questions: Sequence[Question]) -> list[Future[None]]:
        """Have what is not known searched for; each future ends with its search, however it went.
        Those that nobody will search for have none."""
        now, asked = time.monotonic(), []
        with self._lock:
            for each in dict.fromkeys(questions):
                held = self._known.get(each)
                if held is not None and _is_fresh(held[1]):
                    self._remembered += 1
                elif each in self._running:
                    asked.append(self._running[each])
                elif now < self._until or len(self._running) >= WAITING:
                    self._unasked += 1
                else:
                    self._running[each] = self._pool.submit(self._search, each)
                    asked.append(self._running[each])
        return asked

    def counts(self) -> Searched:
        """How it goes."""
        counted = self._answered, self._remembered, self._failed, self._unasked
        return Searched(*counted, self._ready)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _search(self, asked: Question) -> None:
        try:
            collection = self._current()
            row = np.frombuffer(asked.vector, np.float32)
            hits = collection.search(row, asked.n, asked.where)
        except Exception as error:
            self._fail(asked, error)
            return
        with self._lock:
            self._known.pop(asked, None)
            self._known[asked] = hits, time.monotonic()
            if len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]
            self._running.pop(asked, None)
            self._answered += 1
            self._rest, self._ready = REST_S, True

    def _fail(self, asked: Question, error: Exception) -> None:
        with self._lock:
            self._running.pop(asked, None)
            self._failed += 1
            now, first = time.monotonic(), self._ready
            self._ready, self._looked = False, float("-inf")
            if now >= self._until:
                self._until = now + self._rest
                self._rest = min(2 * self._rest, LONGEST_S)
        if first or not isinstance(error, AfreshError):
            _log.warning("vectors_not_searched", reason=str(error))

    def _current(self) -> Collection:
        """The live collection. Raises Unavailable where there is none of this encoder."""
        now, held = time.monotonic(), self._collection
        if held is not None and now - self._looked < LOOK_S:
            return held
        database = self.connection.database()
        name = database.live(self.target.alias)
        if name is None or not self.target.is_own(name):
            raise Unavailable(
                f"No collection that {self.target.alias!r} names is of this encoder and catalogue.",
                hint="A server with vectors_write fills one; see `afresh vectors status`.",
            )
        if held is None or held.name != name:
            held = database.make(name, self.target.shape)
        self._collection, self._looked = held, now
        return held


def _is_fresh(at: float) -> bool:
    return time.monotonic() - at < FRESH_S
