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


ONE = b'{"event_id":"z","event_type":"view","timestamp":1790000000000,"user_id":"z","item_id":"z"'

NO_EVENTS = [
    b"",
    b"[]",
    b"null",
    b"view",
    ONE,
    ONE + b"} {}",
    ONE + b",}",
    ONE.replace(b"view", b"look") + b"}",
    ONE.replace(b'"user_id":"z"', b'"visitor":"z"') + b"}",
    ONE.replace(b'"user_id":"z"', b'"user_id":""') + b"}",
    ONE.replace(b'"event_id":"z"', b'"event_id":""') + b"}",
    ONE.replace(b'"event_id":"z",', b"") + b"}",
    ONE.replace(b"1790000000000", b"-1") + b"}",
    ONE.replace(b"1790000000000", b"1790000000000.5") + b"}",
    ONE.replace(b"1790000000000", b'"1790000000000"') + b"}",
    ONE.replace(b"1790000000000", b"8589934592000") + b"}",
    ONE.replace(b'"item_id":"z"', b'"item_id":null') + b"}",
    ONE.replace(b'"item_id":"z"', b'"item_id":7') + b"}",
    ONE.replace(b'"item_id":"z"', b'"item_id":"a\\u0000b"') + b"}",
    ONE.replace(b'"item_id":"z"', b'"item_id":"a\\u0085b"') + b"}",
    ONE.replace(b'"item_id":"z"', b'"item_id":"\\ud800"') + b"}",
    ONE.replace(b'"item_id":"z"', b'"item_id":"' + b"\xc3\xa9" * 129 + b'"') + b"}",
    ONE + b',"brand":1}',
    ONE + b',"brand":null}',
    ONE + b',"price":"12"}',
    ONE + b',"price":2147483648}',
    ONE + b',"price":-2147483648}',
    ONE + b',"price":99999999999999999999}',
    ONE + b',"price":{}}',
    ONE + b',"price":true}',
    ONE + b',"sent_timestamp":-1}',
]
"""Messages that are none of ours, by the rules of servers."""


class Streamed(FactsMade):
    """One plan's topics, and the instances of the runner that work on them."""

    name = "kafka-streams"

    def __init__(self, kafka: Kafka, plan: Plan, folder: Path) -> None:
        super().__init__(kafka, plan)
        self.folder = folder
        self.reads = reads_of(self.topics)
        self.settings: dict[str, str] = {}
        """Further settings of instances that are started."""
        self.instances: list[KafkaStreams] = []

    def document(self, plan: Plan | None = None) -> Document:
        topics = placed(self.topics, self.address.servers)
        return document_of(plan or self.plan, topics, DAY_MS)

    def start(self, document: Document | None = None) -> KafkaStreams:
        """One more instance, with state of its own."""
        return self.start_with(msgspec.json.encode(document or self.document()))

    def start_with(self, said: bytes) -> KafkaStreams:
        folder = self.folder / f"instance{len(self.instances)}"
        self.instances.append(KafkaStreams(folder, said, {**SETTINGS, **self.settings}))
        return self.instances[-1]

    def stop(self) -> None:
        for instance in self.instances:
            instance.stop()
