"""The Kafka Streams runner over a real Kafka: topics, events into them, facts out of them."""

from __future__ import annotations

from pathlib import Path

import msgspec
from engines.kafka import Kafka
from engines.kafka_streams import KafkaStreams
from tests.facts_made import FactsMade

from afresh.features.engines.kafka_streams.document import Document, document_of
from afresh.features.engines.kafka_streams.placing import placed, reads_of
from afresh.features.plan import Plan

DAY_MS = 86_400_000

SETTINGS = {
    # The least that brokers allow: who was killed is missed after six seconds.
    "session.timeout.ms": "6000",
    "heartbeat.interval.ms": "1500",
}


class Streamed(FactsMade):
    """One plan's topics, and the instances of the runner that work on them."""

    name = "kafka-streams"

    def __init__(self, kafka: Kafka, plan: Plan, folder: Path) -> None:
        super().__init__(kafka, plan)
        self.folder = folder
        self.reads = reads_of(self.topics)
        self.instances: list[KafkaStreams] = []

    def document(self, plan: Plan | None = None) -> Document:
        topics = placed(self.topics, self.address.servers)
        return document_of(plan or self.plan, topics, DAY_MS)

    def start(self, document: Document | None = None) -> KafkaStreams:
        """One more instance, with state of its own."""
        folder = self.folder / f"instance{len(self.instances)}"
        said = msgspec.json.encode(document or self.document())
        self.instances.append(KafkaStreams(folder, said, SETTINGS))
        return self.instances[-1]

    def stop(self) -> None:
        for instance in self.instances:
            instance.stop()
