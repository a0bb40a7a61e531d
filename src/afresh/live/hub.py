"""The hub: decides whose list is computed again, and when, and who is sent it.

The rule. A listener's list is computed again
- when an event of its user or its session was folded, and
- every `refresh_s` where anything at all was folded since; these turns together take at most
  a twentieth of the event loop's time, so that with very many listeners each waits longer;
never more than `most_per_s` times a second, and then with all that was folded meanwhile. It is
sent when the list, or a group beside it, differs from the one shown: another item, or another
order. To a client that
does not read, nothing is computed until it does.

Everything here runs on one event loop, except `folded`, which the writer's thread calls.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import structlog

from afresh.answers import Answer
from afresh.errors import AfreshError
from afresh.events.batch import EventBatch
from afresh.live.audience import Audience, Party
from afresh.live.listener import Listener, Write
from afresh.live.rounds import Rounds
from afresh.live.stream import BEAT, opening, shown_list
from afresh.surface import Query

_log = structlog.get_logger("afresh.live")


STEP = 250
"""Listeners more than ever before, after which all objects there are go out of the garbage
collector's sight. A stream keeps a few hundred; a full collection over those of 10,000 held
everybody up for half a second. They are freed all the same when a stream ends: by their count of
references."""


class Full(Exception):
    """As many listen as may."""


class Hub:
    """All open lists of a process. answer: computes one; offset: how far the state has come."""

    def __init__(
        self,
        answer: Callable[[Query], Answer],
        offset: Callable[[], int],
        *,
        most: int,
        most_per_s: float,
        refresh_s: float,
    ) -> None:
        self._answer, self._offset = answer, offset
        self._most, self._gap_s = most, 1 / most_per_s
        self._audience = Audience()
        self._listeners: set[Listener] = set()
        self._rounds = Rounds(self, offset, refresh_s)
        self._due: dict[Listener, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._most_ever = 0
        self.closed = False

    def __len__(self) -> int:
        return len(self._listeners)

    def join(self, query: Query, write: Write, end: Callable[[], object]) -> Listener:
        """Add a listener and send it its first list. Raises Full, and what the answer raises."""
        if len(self) >= self._most or self.closed:
            raise Full
        self._loop = asyncio.get_running_loop()
        listener = Listener(query, write, end)
        self._listeners.add(listener)
        self._audience.add(listener)  # before the answer, so that no event falls between
        try:
            first = self._computed(listener)
        except BaseException:
            self.leave(listener)
            raise
        listener.replaced(first)
        self._rounds.join(listener)
        self.send(listener, opening() + shown_list(first))
        if len(self) >= self._most_ever + STEP:
            self._most_ever = len(self)
            gc.freeze()
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a listener; one that left already may leave again."""
        self._listeners.discard(listener)
        self._audience.remove(listener)
        self._rounds.leave(listener)
        self._due.pop(listener, None)
        for pending in (listener.timer, listener.writing):
            if pending is not None:
                pending.cancel()

    def close(self) -> None:
        """End all connections, and take no more."""
        self.closed = True
        for listener in list(self._listeners):
            self.leave(listener)
            listener.end()

    def folded(self, batch: EventBatch) -> None:
        """Events were folded. Called by the thread that folds, after it acknowledged them."""
        if not self._listeners or self._loop is None:
            return
        parties = self._audience.concerned(batch)
        if parties:
            try:
                self._loop.call_soon_threadsafe(self._concerned, parties)
            except RuntimeError:
                _log.warning("loop_gone", parties=len(parties))

    def _concerned(self, parties: set[Party]) -> None:
        for party in parties:
            for listener in self._audience.of(party):
                self._ask(listener)

    def _ask(self, listener: Listener) -> None:
        """Have this list computed as soon as it may be."""
        if listener.writing is not None:
            listener.stale = True
        elif listener.timer is None and listener not in self._due:
            loop = asyncio.get_running_loop()
            wait = listener.computed_at + self._gap_s - loop.time()
            if wait > 0:
                listener.timer = loop.call_later(wait, self._queue, listener)
            else:
                self._queue(listener)

    def _queue(self, listener: Listener) -> None:
        """One list a turn of the loop: a party with many listeners holds nobody else up."""
        listener.timer = None
        self._due[listener] = None
        if len(self._due) == 1:
            asyncio.get_running_loop().call_soon(self._compute_next)

    def _compute_next(self) -> None:
        if not self._due:
            return
        listener = next(iter(self._due))
        del self._due[listener]
        if self._due:
            asyncio.get_running_loop().call_soon(self._compute_next)
        self.compute(listener)

    def compute(self, listener: Listener) -> None:
        """Compute a list now, and send it if it differs; later for a client that still reads."""
        if listener.writing is not None:
            listener.stale = True
            return
        try:
            made = self._computed(listener)
        except AfreshError as error:
            _log.warning("live_answer_failed", error=error.message)
            return
        if listener.replaced(made):
            self.send(listener, shown_list(made))

    def _computed(self, listener: Listener) -> Answer:
        listener.computed_at = asyncio.get_running_loop().time()
        listener.offset = self._offset()
        return self._answer(listener.query)

    def beat(self, listener: Listener) -> None:
        """Let the connection live."""
        if listener.writing is None:
            self.send(listener, BEAT)

    def send(self, listener: Listener, chunk: bytes) -> None:
        """Begin to write, which no other write may be in."""
        self._rounds.wrote(listener)
        listener.writing = asyncio.ensure_future(self._deliver(listener, chunk))

    async def _deliver(self, listener: Listener, chunk: bytes) -> None:
        """Write, however long the client takes; then see to what happened meanwhile."""
        try:
            await listener.write(chunk)
        except OSError:
            listener.writing = None
            self.leave(listener)
            return
        listener.writing = None
        if listener.stale:
            listener.stale = False
            self._ask(listener)
