"""Jobs on a real Flink over a real Kafka: topics, events into them, facts out of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from threading import Event as Signal
from uuid import uuid4

from engines.flink import Flink
from engines.kafka import Kafka
from tests.batches import batch_of
from tests.model import Event

from afresh.features.columns import item_columns
from afresh.features.engines.flink.gateway import Gateway
from afresh.features.engines.flink.job import Job, settings, statement_set, tables
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


class Flinked:
    """One plan's topics, and the jobs that run over them."""

    def __init__(self, kafka: Kafka, flink: Flink, plan: Plan) -> None:
        self.flink, self.plan, self.patience_s = flink, plan, PATIENCE_S
        self.address = Address(kafka.servers, f"f{uuid4().hex[:10]}")
        self.topics, self.cluster = Topics(self.address.prefix), Cluster(self.address)
        create(self.cluster, compare(self.cluster, self.topics.wanted(PARTITIONS, None)), 1)
        self.job = Job(
            brokers=kafka.servers,
            events=self.topics.events,
            facts=self.topics.facts,
            group=f"{self.address.prefix}.flink.1",
            checkpoint_ms=1000,
        )
        self.jobs: list[str] = []
        self._numbers = count(2)

    def another(self) -> Job:
        """A job over the same events with a topic of facts of its own."""
        number = next(self._numbers)
        topics = Topics(self.address.prefix, number)
        wanted = [t for t in topics.wanted(PARTITIONS, None) if t.name == topics.facts]
        create(self.cluster, compare(self.cluster, wanted), 1)
        return replace(self.job, facts=topics.facts, group=f"{self.job.group}.{number}")

    def send(self, events: Sequence[Event], plan: Plan | None = None) -> None:
        """Write events as the door does, in this order; returns when they are acknowledged."""
        wire = Wire((plan or self.plan).accepted, *item_columns(plan or self.plan))
        keys = [str(event.owner) for event in events]
        messages = [m for e in events for m in wire.encode(batch_of(plan or self.plan, [e]))]
        where = partitions_of("\0".join(keys).encode(), len(keys), PARTITIONS)
        told, heard = Signal(), []

        def done(written: Written) -> None:
            heard.append(written.error)
            told.set()

        producing = Producing(self.address)
        producing.write(self.topics.events, keys, list(messages), where, done)
        assert told.wait(PATIENCE_S)
        producing.close()
        assert heard == [None]

    def submit(
        self,
        job: Job | None = None,
        plan: Plan | None = None,
        mutate: Callable[[str], str] = str,
        more: Mapping[str, str] | None = None,
    ) -> str:
        """Start the job; its id. mutate: what becomes of each statement before it is run."""
        job, plan = job or self.job, plan or self.plan
        with Gateway(self.flink.gateway) as gateway:
            gateway.set({**settings(plan, job), **(more or {})})
            for statement in tables(plan, job):
                gateway.run(mutate(statement))
            self.jobs.append(gateway.submit(mutate(statement_set(plan))))
        return self.jobs[-1]

    def facts(self, wanted: bytes, job: Job | None = None) -> bytes:
        """The canonical form of the facts: as soon as it is `wanted`, else after some patience."""
        return self.until(lambda found: found == wanted, job)

    def until(
        self, done: Callable[[bytes], bool], job: Job | None = None, plan: Plan | None = None
    ) -> bytes:
        """The same, as soon as it is `done`."""
        reader = FactReader(self.address, (job or self.job).facts)
        until = time.monotonic() + self.patience_s
        try:
            while True:
                found = canonical(plan or self.plan, reader.read())
                if done(found) or time.monotonic() > until:
                    return found
                time.sleep(self.patience_s / 600)
        finally:
            reader.close()

    def settled(self, job: Job) -> bytes:
        """The canonical form of the facts once the job has read every event."""
        reader = FactReader(self.address, job.facts)
        until = time.monotonic() + PATIENCE_S
        quiet, before = 0, b""
        while quiet < 10 and time.monotonic() < until:
            found = canonical(self.plan, reader.read())
            quiet = quiet + 1 if found == before and reader.table.events else 0
            before = found
            time.sleep(0.1)
        reader.close()
        return before

    def stop(self) -> None:
        with Gateway(self.flink.gateway) as gateway:
            for job in self.jobs:
                gateway.run(f"STOP JOB '{job}'")
