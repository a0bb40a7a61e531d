"""The learner: the weights of the softmax blend, moved by what people do next.

An action on an item is an outcome: of the candidates that the sources gave just before it, this
one was chosen. Some of the actions that are acknowledged are learned from, at most so many
a second, in a thread of its own; every so often the weights become a record of the log. Every
server and every replay score with the last record they have folded, never with what was
learned since, so that an answer depends on the log alone.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple
from zlib import crc32

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.errors import AfreshError
from afresh.events.batch import EventBatch
from afresh.features.columns import type_table
from afresh.rank.softmax import Softmax
from afresh.retrieve import Context
from afresh.retrieve.context import context_of
from afresh.store.replica import Replica

WAITING = 256
"""Outcomes that may wait; what comes beyond is not learned from."""
EVERY = 200
"""Outcomes from one record to the next, …"""
EVERY_S = 60.0
"""… but not more than one in so many seconds."""

_log = structlog.get_logger("afresh.learner")

Listed = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Items int64[n] and rank.terms.TERMS of each, float64[n, terms]."""


class Action(NamedTuple):
    """Somebody did something to an item. ts: UTC ms."""

    user_id: str
    session_id: str
    item_id: str
    ts: int


class Learner:
    """Hears folded events, learns from some, and hands records to `write`.

    examples: the candidates of a context and what is known of each (`stages.examples`), asked while
    the replica's lock is held; per_second: the most outcomes learned from in a second; 0: none.
    """

    def __init__(
        self, replica: Replica, examples: Callable[[Context], Listed],
        write: Callable[[bytes], None], *, per_second: int,
    ) -> None:  # fmt: skip
        self.replica, self.write, self.per_second = replica, write, per_second
        self.examples = examples
        self.learned = 0
        self.model = Softmax()
        self._waiting: deque[Action] = deque(maxlen=WAITING)
        self._wanted = np.zeros(256, np.bool_)
        self._wanted[: len(replica.plan.events)] = [e.weight > 0 for e in replica.plan.events]
        self._written_at = time.monotonic()
        self._since = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="afresh-learner", daemon=True)

    def start(self) -> None:
        """Go on from the weights in force."""
        self.resume()
        if self.per_second:
            self._thread.start()

    def resume(self) -> None:
        """Forget what was learned here; go on from the weights in force."""
        self.model = Softmax.in_force(self.replica.weights)

    def close(self) -> None:
        """Stop; what was learned since the last record is in no record."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def hear(self, batch: EventBatch) -> None:
        """Take some of a folded batch's actions, the first ones, as far as there is room."""
        room = min(WAITING - len(self._waiting), self.per_second)
        if room <= 0 or not batch.n:
            return
        kinds = type_table(batch.types, self.replica.plan)[batch.type]
        rows = np.flatnonzero(self._wanted[kinds])[:room]
        if not len(rows):
            return
        said = batch.take(rows)
        names = (said.strings(name) for name in ("user_id", "session_id", "item_id"))
        for user, session, item, ts in zip(*names, said.ts.tolist(), strict=True):
            if item:
                self._waiting.append(Action(user, session, item, ts))

    def learn(self, action: Action, context: Context | None = None) -> bool:
        """Learn from one action; False where no source had its item, or nothing is known of whom.
        context: of the moment before; left out, as the state has it."""
        with self.replica.lock:
            state = self.replica.state
            if context is None:
                context = context_of(state, action.user_id, action.session_id, action.ts)
            if not len(context.items):
                return False
            items, x = self.examples(context)
            found = np.flatnonzero(items == state.items.find_one(action.item_id))
            if not len(found):
                return False
        # A number that a person keeps through a day; those of the state may change.
        owner = crc32((action.user_id or action.session_id).encode())
        return self.model.learn(x, int(found[0]), owner, action.ts)

    def _run(self) -> None:
        # One at a time and then a pause, as a request waits for the lock as long as one takes.
        while not self._closing.wait(1.0 / self.per_second):
            if self._waiting:
                try:
                    learned = self.learn(self._waiting.popleft())
                except Exception:
                    _log.exception("learning_failed")
                    continue
                self.learned += learned
                self._since += learned
            self._record()

    def _record(self) -> None:
        overdue = time.monotonic() - self._written_at >= EVERY_S
        if not self._since or (self._since < EVERY and not overdue):
            return
        try:
            self.write(msgspec.json.encode(self.model.to_record()))
        except AfreshError as error:
            _log.warning("weights_not_written", reason=error.message)
            return
        self._written_at, self._since = time.monotonic(), 0
