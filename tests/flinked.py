"""Jobs on a real Flink over a real Kafka: topics, events into them, facts out of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count

from engines.flink import Flink
from engines.kafka import Kafka
from tests.facts_made import PARTITIONS, FactsMade

from afresh.features.engines.flink.gateway import Gateway
from afresh.features.engines.flink.job import Job, settings, statement_set, tables
from afresh.features.engines.rows.reads import Reads
from afresh.features.plan import Plan
from afresh.log.kafka.making import compare, create
from afresh.log.kafka.topics import Topics


class Flinked(FactsMade):
    """One plan's topics, and the jobs that run over them."""

    name = "flink"

    def __init__(self, kafka: Kafka, flink: Flink, plan: Plan) -> None:
        super().__init__(kafka, plan)
        self.flink = flink
        self.job = Job(
            brokers=kafka.servers,
            events=self.topics.events,
            facts=self.topics.facts,
            group=f"{self.address.prefix}.flink.1",
            checkpoint_ms=1000,
        )
        self.reads = Reads(self.job.group)
        self.jobs: list[str] = []
        self._numbers = count(2)

    def another(self) -> Job:
        """A job over the same events with a topic of facts of its own."""
        number = next(self._numbers)
        topics = Topics(self.address.prefix, number)
        wanted = [t for t in topics.wanted(PARTITIONS, None) if t.name == topics.facts]
        create(self.cluster, compare(self.cluster, wanted), 1)
        return replace(self.job, facts=topics.facts, group=f"{self.job.group}.{number}")

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
            name = f"afresh {job.facts} plan {plan.hash} shape 0"
            gateway.set({**settings(plan, job), "pipeline.name": name, **(more or {})})
            for statement in tables(plan, job):
                gateway.run(mutate(statement))
            self.jobs.append(gateway.submit(mutate(statement_set(plan))))
        return self.jobs[-1]

    def stop(self) -> None:
        with Gateway(self.flink.gateway) as gateway:
            for job in self.jobs:
                gateway.run(f"STOP JOB '{job}'")
