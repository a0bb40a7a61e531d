"""What brokers say of themselves and of who asks: their version, their clock, what they allow."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from afresh.errors import AfreshError
from afresh.log.kafka.acls import Grant
from afresh.log.kafka.address import Address
from afresh.log.kafka.client import admin, kafka
from afresh.log.kafka.quiet import QUIET
from afresh.log.kafka.topics import TIMEOUT_S, Cluster


@dataclass(frozen=True, slots=True)
class Brokers:
    """count: how many there are; old: what tells that they are older than Kafka 4, or empty."""

    count: int
    old: str


def brokers(cluster: Cluster) -> Brokers:
    """Raises AfreshError when they do not answer, or do not let this user see their settings."""
    lib = admin()
    nodes = cluster.ask(cluster.client.describe_cluster, request_timeout=TIMEOUT_S).nodes
    asked = lib.ConfigResource(lib.ConfigResource.Type.BROKER, str(nodes[0].id))
    said = cluster.ask(cluster.client.describe_configs, [asked], request_timeout=TIMEOUT_S)
    config: dict[str, Any] = next(iter(said.values()))
    # Kafka 4 dropped these settings together with ZooKeeper; no version is told to clients.
    gone = ("inter.broker.protocol.version", "zookeeper.connect")
    old = [f"{name}={config[name].value}" for name in gone if name in config]
    return Brokers(len(nodes), ", ".join(old))


def lacking(cluster: Cluster, wanted: Sequence[Grant]) -> list[Grant]:
    """Those of `wanted` that the brokers do not allow to who asks; topics that are not there and
    may be seen are left out. Needs no access of its own."""
    topics = _allowed_topics(cluster, {g.name for g in wanted if g.kind == "topic"})
    groups = {g.name: _group_allowed(cluster, g.name) for g in wanted if g.kind == "group"}
    found = []
    for grant in wanted:
        if grant.kind == "group":
            fits = groups[grant.name]
        else:
            allowed = topics[grant.name]
            fits = allowed is None or grant.operation in allowed
        if not fits:
            found.append(grant)
    return found


def _allowed_topics(cluster: Cluster, names: set[str]) -> dict[str, set[str] | None]:
    """The operations allowed on each topic; None for one that is not there."""
    lib = kafka()
    asked = cluster.client.describe_topics(
        lib.TopicCollection(sorted(names)),
        include_authorized_operations=True,
        request_timeout=TIMEOUT_S,
    )
    found: dict[str, set[str] | None] = {}
    for name, future in asked.items():
        try:
            found[name] = {operation.name for operation in future.result().authorized_operations}
        except lib.KafkaException as error:
            code = error.args[0].code()
            if code not in (
                lib.KafkaError.UNKNOWN_TOPIC_OR_PART,
                lib.KafkaError.TOPIC_AUTHORIZATION_FAILED,
            ):
                raise AfreshError(f"The brokers do not describe {name}: {error}.") from error
            found[name] = None if code == lib.KafkaError.UNKNOWN_TOPIC_OR_PART else set()
    return found


def _group_allowed(cluster: Cluster, name: str) -> bool:
    lib = kafka()
    asked = cluster.client.describe_consumer_groups([name], request_timeout=TIMEOUT_S)
    try:
        asked[name].result()
    except lib.KafkaException as error:  # one that nobody is in yet is no fault
        return bool(error.args[0].code() != lib.KafkaError.GROUP_AUTHORIZATION_FAILED)
    return True


def clock_ahead_ms(address: Address, topic: str) -> int | None:
    """By how much the brokers' clock is certainly ahead of this machine's (negative: behind), ms.

    Writes a tombstone to a compacted topic, which compaction drops again, and looks at the moment
    that the brokers gave it. None: they did not take it within TIMEOUT_S.
    """
    heard: list[int] = []
    told = threading.Event()

    def done(error: Any, message: Any) -> None:
        if error is None:
            heard.append(message.timestamp()[1])
        told.set()

    must = {"acks": "all", "delivery.timeout.ms": int(TIMEOUT_S * 1000)}
    producer = kafka().Producer(address.client(must), logger=QUIET)
    before = time.time_ns() // 1_000_000
    producer.produce(topic, None, "doctor", on_delivery=done)
    late = time.monotonic() + TIMEOUT_S
    while not told.is_set() and time.monotonic() < late:
        producer.poll(0.05)
    after = time.time_ns() // 1_000_000 + 1
    producer.purge()
    if not heard:
        return None
    return max(heard[0] - after, 0) + min(heard[0] - before, 0)
