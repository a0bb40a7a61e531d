"""Events into topics of their own on a real Kafka, and the facts that an engine makes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Event as Signal
from uuid import uuid4

from engines.kafka import Kafka
from tests.batches import batch_of
from tests.model import Event

from afresh.features.columns import item_columns
from afresh.features.engines.rows.facts import canonical
from afresh.features.engines.rows.reading import FactReader
from afresh.features.plan import Plan
from afresh.log.kafka.address import Address
from afresh.log.kafka.making import compare, create
from afresh.log.kafka.partition import partitions_of
from afresh.log.kafka.producing import Producing, Written
from afresh.log.kafka.topics import Cluster, Topics
from afresh.log.kafka.wire import Wire

PARTITIONS = 2
PATIENCE_S = 60.0


class FactsMade:
    """One plan's topics."""

    def __init__(self, kafka: Kafka, plan: Plan) -> None:
        self.plan, self.patience_s = plan, PATIENCE_S
        self.address = Address(kafka.servers, f"f{uuid4().hex[:10]}")
        self.topics, self.cluster = Topics(self.address.prefix), Cluster(self.address)
        create(self.cluster, compare(self.cluster, self.topics.wanted(PARTITIONS, None)), 1)

    def send(self, events: Sequence[Event], plan: Plan | None = None) -> None:
        """Write events as the door does, in this order; returns when they are acknowledged."""
        wire = Wire((plan or self.plan).accepted, *item_columns(plan or self.plan))
        messages = [m for e in events for m in wire.encode(batch_of(plan or self.plan, [e]))]
        self.write([str(event.owner) for event in events], messages)

    def write(self, keys: Sequence[str], messages: Sequence[bytes]) -> None:
        """The same with messages as they are."""
        where = partitions_of("\0".join(keys).encode(), len(keys), PARTITIONS)
        told, heard = Signal(), []

        def done(written: Written) -> None:
            heard.append(written.error)
            told.set()

        producing = Producing(self.address)
        producing.write(self.topics.events, list(keys), list(messages), where, done)
        assert told.wait(PATIENCE_S)
        producing.close()
        assert heard == [None]

    def facts(self, wanted: bytes, topic: str | None = None) -> bytes:
        """The canonical form of the facts: as soon as it is `wanted`, else after some patience."""
        return self.until(lambda found: found == wanted, topic)

    def until(
        self, done: Callable[[bytes], bool], topic: str | None = None, plan: Plan | None = None
    ) -> bytes:
        """The same, as soon as it is `done`."""
        reader = FactReader(self.address, topic or self.topics.facts)
        until = time.monotonic() + self.patience_s
        try:
            while True:
                found = canonical(plan or self.plan, reader.read())
                if done(found) or time.monotonic() > until:
                    return found
                time.sleep(self.patience_s / 600)
        finally:
            reader.close()

    def settled(self, topic: str) -> bytes:
        """The canonical form of the facts once nothing is added to them."""
        reader = FactReader(self.address, topic)
        until = time.monotonic() + PATIENCE_S
        quiet, before = 0, b""
        while quiet < 10 and time.monotonic() < until:
            found = canonical(self.plan, reader.read())
            quiet = quiet + 1 if found == before and reader.table.events else 0
            before = found
            time.sleep(0.1)
        reader.close()
        return before


def difference(found: bytes, wanted: bytes) -> list[str]:
    """The first lines that only one side has."""
    have, want = set(found.split(b"\n")), set(wanted.split(b"\n"))
    return [f"- {line.decode()}" for line in sorted(want - have)[:5]] + [
        f"+ {line.decode()}" for line in sorted(have - want)[:5]
    ]
