"""Marks: what the facts reflect for certain, and by where in their topic.

The engine commits its place in the events once the facts of all events before it are written, or
messages in a topic of its own from which it makes them, and then its place there. So the ends of
each topic, asked for after the place in the one before it, are where all of those have been read.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog

from afresh.errors import AfreshError, Unavailable
from afresh.features.engines.rows.reads import Reads
from afresh.log.kafka.address import Address
from afresh.log.kafka.client import kafka
from afresh.log.kafka.consuming import Consuming, Partition
from afresh.log.kafka.quiet import QUIET, say_once
from afresh.log.kafka.topics import Cluster, Found

EVERY_S = 0.5
PAUSE_S = 2.0
PATIENCE_S = 10.0
LOOK_S = 0.05

_log = structlog.get_logger("afresh.feed")


class Mark(NamedTuple):
    """ends: of each partition of the facts; who has read so far reflects the log up to vector."""

    ends: list[int]
    vector: list[int]


class Marks:
    """Asks the brokers, in a thread of its own, for a new mark whenever one is wanted.

    engine: whose committed offsets are looked at. latest: None before the first.
    """

    def __init__(
        self, address: Address, found: Found, facts: str, partitions: int, engine: Reads
    ) -> None:
        self._address, self._between = address, engine.between
        must = {"group.id": engine.group, "enable.auto.commit": False, "error_cb": say_once}
        self._committed = kafka().Consumer(address.client(must), logger=QUIET)
        self._events = found.partitions[: found.events]
        more = found.partitions[found.events :]
        told = [Partition(facts, number) for number in range(partitions)]
        self._ends = Consuming(address, [*told, *more], uncommitted=True)
        self._partitions = partitions
        self.latest: Mark | None = None
        self._closing = threading.Event()
        self._wanted = threading.Event()
        self._wanted.set()
        self._thread = threading.Thread(target=self._run, name="afresh-marks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def reached(self) -> None:
        """Another mark is wanted."""
        self._wanted.set()

    def close(self) -> None:
        self._closing.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()
        self._committed.close()
        self._ends.close()

    def _run(self) -> None:
        lib = kafka()
        while not self._closing.is_set():
            self._wanted.wait()
            self._wanted.clear()
            try:
                self.latest = self._mark()
            except (AfreshError, lib.KafkaException) as error:
                _log.warning("no_mark", reason=str(error))
                self._wanted.set()
                self._closing.wait(PAUSE_S)
            self._closing.wait(EVERY_S)

    def _mark(self) -> Mark:
        committed = self._places(self._events)
        for topic in self._between:
            self._passed(topic)
        ends = [end for _, end in self._ends.bounds()]
        # Items and weights are in no fact: what engines read was split by them at the door.
        return Mark(ends[: self._partitions], committed + ends[self._partitions :])

    def _places(self, partitions: Sequence[Partition]) -> list[int]:
        """What the engine has committed."""
        lib = kafka()
        asked = [lib.TopicPartition(p.topic, p.number) for p in partitions]
        said: list[Any] = self._committed.committed(asked, timeout=PATIENCE_S)
        return [max(p.offset, 0) for p in said]

    def _passed(self, topic: str) -> None:
        """Return once the engine has read a topic up to where it ends now."""
        _, count = Cluster(self._address).topic(topic)
        partitions = [Partition(topic, number) for number in range(count)]
        consuming = Consuming(self._address, partitions, uncommitted=True)
        ends = [end for _, end in consuming.bounds()]
        consuming.close()
        while any(a < b for a, b in zip(self._places(partitions), ends, strict=True)):
            if self._closing.wait(LOOK_S):
                raise Unavailable("Feeding ends.")
