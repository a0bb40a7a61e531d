"""Feeding: the thread that reads the topic of facts and keeps a store up to it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import structlog

from afresh.errors import AfreshError, Unavailable
from afresh.features.engines.rows.reads import Reads
from afresh.features.plan import Plan
from afresh.feed.marks import Marks
from afresh.feed.merging import Merging
from afresh.feed.progress import Ledger, Progress
from afresh.feed.rows import Change, LogRow, RowReader
from afresh.log.kafka.address import Address
from afresh.log.kafka.sharing import Sharing
from afresh.log.kafka.topics import Cluster, Topics
from afresh.store import LOST_S, EntityStore
from afresh.store.value import Keys
from afresh.store.warm import warm

PORTION = 50_000
"""The most rows merged at a time: what a feeder holds of the topic."""
WAIT_S = 0.02
SAY_S = 0.1
"""How often it is said how far the store is."""
PAUSES_S = (0.1, 5.0)
"""After a failure, the first wait before the next try, and the longest."""

_log = structlog.get_logger("afresh.feed")


@dataclass(frozen=True, slots=True)
class Source:
    """engine: how the engine reads the events."""

    address: Address
    topics: Topics
    engine: Reads


class Counts(NamedTuple):
    """Of rows: taken; known: they were no news; refused: they knew of fewer events than the one
    before; unread: nobody could read them. written: values. behind: rows of this feeder's
    partitions that are in the topic and not in the store."""

    taken: int
    known: int
    refused: int
    unread: int
    written: int
    behind: int


class Feeding:
    """Keeps a store up to a topic of facts. prefix: of every key.

    Raises AfreshError when the topic is missing, Unavailable without brokers. failure: why nothing
    can be written now; None while it can.
    """

    def __init__(self, plan: Plan, source: Source, store: EntityStore, prefix: str) -> None:
        self.plan = plan
        cluster = Cluster(source.address)
        found = cluster.find(source.topics)
        facts_id, partitions = cluster.topic(source.topics.facts)
        keys = Keys(prefix, plan)
        self.ledger = Ledger(plan, store, keys, found.id, f"flink/{facts_id}", partitions)
        self.merging = Merging(plan, store, keys, self.ledger.generation)
        self.marks = Marks(
            source.address, found, source.topics.facts, partitions, source.engine
        )  # fmt: skip
        group = f"{source.topics.prefix}.feed.{source.topics.generation}"
        self.sharing = Sharing(source.address, source.topics.facts, group)
        self.failure: AfreshError | None = Unavailable("Nothing was written yet.")
        self.unread = 0
        self.progress: dict[int, Progress] = {}
        self._rows = RowReader(plan)
        self._due: list[Any] = []
        self._said_at = 0.0
        self._been: deque[tuple[float, dict[int, Progress]]] = deque()
        """Where the store was, from LOST_S ago on."""
        self._back: dict[int, int] = {}
        """Where to go on, if that is before what the store says."""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="afresh-feed", daemon=True)

    def start(self) -> None:
        warm(self.plan)
        self.marks.start()
        self._thread.start()

    def close(self) -> None:
        """Finish the portion at hand; the next feeder goes on from there."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self.sharing.close()
        self.marks.close()

    def counts(self) -> Counts:
        m, mark = self.merging, self.marks.latest
        ends = mark.ends if mark else []
        behind = sum(max(0, ends[p] - said.at) for p, said in self.progress.copy().items() if ends)
        return Counts(**m.counts, unread=self.unread, written=m.written, behind=behind)

    def ready(self) -> tuple[bool, str]:
        """Whether the last try went well."""
        return (True, "") if self.failure is None else (False, self.failure.message)

    def _run(self) -> None:
        pause = PAUSES_S[0]
        while not self._closing.is_set():
            try:
                self._step()
                self.failure, pause = None, PAUSES_S[0]
            except AfreshError as error:
                if self.failure is None:
                    _log.warning("not_fed", reason=error.message, hint=error.hint)
                    self._go_back()
                self.failure = error
                self._closing.wait(pause)
                pause = min(2 * pause, PAUSES_S[1])
            except Exception as error:
                _log.critical("feeding_ended", exc_info=error)
                self.failure = Unavailable(f"Feeding ended: {error}.")
                return

    def _step(self) -> None:
        if not self._due:  # else the store did not take them, and they are merged again
            self._due = self.sharing.take(PORTION, WAIT_S)
        if self.sharing.given:
            self._place()
        if self._due:
            self._merge(self._due)
            self._due = []
        for p, end in self.sharing.ends.items():
            self._reached(p, end)
        if time.monotonic() - self._said_at >= SAY_S:
            self._say()
            self._said_at = time.monotonic()

    def _go_back(self) -> None:
        """Rows that the store may have lost are merged again."""
        if self._been:
            self._back = {p: said.at for p, said in self._been[0][1].items()}
        self._been.clear()
        self.sharing.given = set(self.sharing.mine)

    def _place(self) -> None:
        """Go on where the store is."""
        held = self.ledger.read()
        self.progress = {
            p: msgspec.structs.replace(held[p], at=min(held[p].at, self._back.get(p, held[p].at)))
            for p in sorted(self.sharing.mine)
        }
        self._back = {}
        self.merging.newest = max(said.newest for said in held)
        self._due = []
        self.sharing.begin({p: said.at for p, said in self.progress.items()})
        _log.info("feeding", topic=self.sharing.topic, partitions=sorted(self.progress))

    def _merge(self, messages: Sequence[Any]) -> None:
        changes: list[Change] = []
        places: dict[int, int] = {}
        for message in messages:
            places[message.partition()] = message.offset() + 1
            try:
                row = self._rows.read(message.key(), message.value())
            except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
                self._unreadable(message, error)
                continue
            if isinstance(row, LogRow):
                self.merging.newest = max(self.merging.newest, row.newest)
            elif row is not None:
                changes.append(row)
        self.merging.merge(changes)
        for p, at in places.items():
            self._reached(p, at)

    def _reached(self, partition: int, at: int) -> None:
        said = self.progress.get(partition)
        if said is not None and at > said.at:
            self.progress[partition] = msgspec.structs.replace(said, at=at)

    def _unreadable(self, message: Any, error: Exception) -> None:
        self.unread += 1
        place = f"{message.topic()}/{message.partition()}/{message.offset()}"
        _log.warning("row_not_read", place=place, reason=repr(error))

    def _say(self) -> None:
        self.progress = {p: said for p, said in self.progress.items() if p in self.sharing.mine}
        mark = self.marks.latest
        if mark is not None and all(s.at >= mark.ends[p] for p, s in self.progress.items()):
            for p, said in self.progress.items():
                vector = mark.vector
                if said.vector:  # of a mark that was asked for later by another feeder
                    vector = [max(pair) for pair in zip(said.vector, vector, strict=True)]
                self.progress[p] = msgspec.structs.replace(said, vector=vector)
            self.marks.reached()
        newest = self.merging.newest
        for p, said in self.progress.items():
            self.progress[p] = msgspec.structs.replace(said, newest=max(newest, said.newest))
        self._note()
        if self.progress and not self.ledger.write(self.progress):
            _log.warning("store_lost_values")
            self.sharing.given = set(self.sharing.mine)

    def _note(self) -> None:
        now = time.monotonic()
        self._been.append((now, self.progress.copy()))
        while len(self._been) > 1 and self._been[1][0] <= now - LOST_S:
            self._been.popleft()
