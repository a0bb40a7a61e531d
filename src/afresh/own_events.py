"""A caller's own events: what a store has not yet of some people, read from the log and folded
over what it has."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import structlog

from afresh.errors import AfreshError
from afresh.features.columns import item_columns
from afresh.features.engines.embedded import USER
from afresh.features.plan import Plan
from afresh.log.kafka.address import address_of
from afresh.log.kafka.stretches import Stretches
from afresh.log.kafka.topics import Cluster, topics_of
from afresh.log.kafka.wire import Wire
from afresh.log.token import Place
from afresh.settings import Settings
from afresh.store.history import Witness
from afresh.store.lagging import People, Recent, Visits
from afresh.store.recent import folded
from afresh.store.stored import Asked, Found, Stored
from afresh.store.value import Head, Section
from afresh.store.warm import warm_recent

READ_S = 0.1
"""The longest that a question waits for the log: twice what it waits for the store."""
MOST = 5_000
"""Messages read for one question at most; they are read and looked at in some 20 ms."""
AGAIN_S = 1.0
"""How long after a failure the topics are looked for again."""
LOOK_S = 60.0
"""How often it is looked whether they are the same; brokers close connections that rest for ten
minutes, and a question should not have to open one."""
CLOSE_S = 1.0
"""How long the end waits for brokers that are being asked."""

_log = structlog.get_logger("afresh.own_events")


class _Known(NamedTuple):
    """The topics as they were found. log: their id; partitions: of the events."""

    log: str
    partitions: int
    stretches: Stretches


class OwnEvents:
    """The log behind a store, for what the store has not yet. Writes nothing.

    The brokers are looked for in a thread: while they are away, nothing is found and nobody waits.
    """

    def __init__(self, plan: Plan, settings: Settings) -> None:
        self.plan, self.settings = plan, settings
        self.history = Section("sequence", plan.history)
        """What must be known of people besides what their features read."""
        self._address, self._topics = address_of(settings), topics_of(settings)
        self._wire = Wire(plan.accepted, *item_columns(plan))
        self._stretches: Stretches | None = None
        self._known: _Known | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._look, name="afresh-own-log", daemon=True)

    def start(self) -> None:
        warm_recent(self.plan, self._wire)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether the topics were found."""
        return self._known is not None

    def close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)
        if self._stretches is not None:
            self._stretches.close()

    def over(
        self,
        stored: Stored,
        asked: Sequence[Asked],
        found: Sequence[Found],
        head: Head,
        wanted: Place,
    ) -> tuple[list[Found], bool]:
        """What was found, with the events up to `wanted` of the people asked for folded in, and
        whether all that was asked reflects it now.

        found: from `stored`, with F no less than that of `wanted`, and the history of users; head:
        read before it.
        """
        known, changed = self._known, found[0].head.generation != head.generation
        if known is None or changed or head.engine or not known.log == head.log == wanted.log:
            return list(found), False
        one = _Question(self, stored, known, head, wanted, time.monotonic() + READ_S)
        made = [one.answer(*pair) for pair in zip(asked, found, strict=True)]
        answers = [old if new is None else new for old, new in zip(found, made, strict=True)]
        return answers, None not in made

    def recent(self, messages: Sequence[Any]) -> Recent:
        """Messages as events; those that nobody can read are none."""
        batch, unread = self._wire.decode([message.value() for message in messages])
        bad = {each.at for each in unread}
        read = [message for at, message in enumerate(messages) if at not in bad]
        rows = [(m.partition(), m.offset(), m.timestamp()[1]) for m in read]
        return Recent(batch, *np.array(rows, np.int64).reshape(-1, 3).T)

    def _look(self) -> None:
        said = False
        while not self._closing.is_set():
            try:
                self._find()
                said = False
            except Exception as error:  # the next look may go better, whatever it was
                if not said and not self._closing.is_set():
                    hint = error.hint if isinstance(error, AfreshError) else None
                    _log.warning("log_not_found", reason=str(error), hint=hint)
                said = True
            self._closing.wait(AGAIN_S if said else LOOK_S)

    def _find(self) -> None:
        found = Cluster(self._address).find(self._topics)
        if self._stretches is None:
            self._stretches = Stretches(self._address, self._topics.events)
        self._stretches.connect(found.events)
        self._known = _Known(found.id, found.events, self._stretches)


class _Question(NamedTuple):
    """late: until when it may take, of time.monotonic."""

    own: OwnEvents
    stored: Stored
    known: _Known
    head: Head
    wanted: Place
    late: float

    def answer(self, asked: Asked, found: Found) -> Found | None:
        """None: it does not reflect what is wanted."""
        reached = found.values.reached(self.head.offsets)
        if reached is None:
            return None
        entities, reached = found.values.entities, reached[:, : self.known.partitions]
        behind: People | Visits
        if asked.key == "user_id":
            behind = People(entities, reached, linked=len(found.state.links) > 0)
        elif asked.key == "session_id":
            behind = Visits(entities, reached, self.head.offsets)
        else:  # nobody's own
            return found if (reached >= self.wanted.at[: self.known.partitions]).all() else None
        missing = behind.missing(self.wanted.at)
        if not missing:
            return found
        if sum(past - first for first, past in missing.values()) > MOST:
            return None
        messages = self.known.stretches.read(missing, self.late)
        if messages is None:
            return None
        recent, horizon = self.own.recent(messages), self.own.settings.admission_horizon

        def witness(owners: set[bytes]) -> Witness | None:
            if isinstance(behind, People):
                return Witness(found.state, behind)
            return self._witness(owners)

        state = folded(found.state, behind, recent, asked.features, witness, horizon)
        if state is None:
            return None
        return found._replace(state=state, now=max(found.now, state.newest + 1))

    def _witness(self, owners: set[bytes]) -> Witness | None:
        """The histories of owners that were not asked for."""
        names = [("" if o[:1] == USER else "s:") + o[1:].decode() for o in sorted(owners)]
        asked = [Asked("user_id", names, ())]
        (found,) = self.stored.find(asked, newest=self.wanted.newest, also=[self.own.history])
        reached = found.values.reached(self.head.offsets)
        if reached is None or found.head.generation != self.head.generation:
            return None
        entities, reached = found.values.entities, reached[:, : self.known.partitions]
        return Witness(found.state, People(entities, reached, linked=False))
