"""Making the topics: what is missing is created, what differs is said, nothing is changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from afresh.log.kafka.client import admin
from afresh.log.kafka.topics import TIMEOUT_S, Cluster, Topic


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done for a topic: `create`, `keep`, or `differs` with what does."""

    topic: Topic
    action: str
    detail: str = ""


def compare(cluster: Cluster, wanted: Sequence[Topic]) -> list[Step]:
    """What stands between what is there and what must be."""
    counts = cluster.counts()
    return [_compared(cluster, topic, counts.get(topic.name)) for topic in wanted]


def _compared(cluster: Cluster, topic: Topic, count: int | None) -> Step:
    if count is None:
        return Step(topic, "create")
    faults = []
    if count != topic.partitions:
        faults.append(f"{count} partitions instead of {topic.partitions}: they never grow in place")
    found = config_of(cluster, topic.name)
    for name, value in topic.config.items():
        held = found[name]
        if sorted(held.split(",")) != sorted(value.split(",")):
            faults.append(f"{name} is {held} instead of {value}")
    return Step(topic, "differs", "; ".join(faults)) if faults else Step(topic, "keep")


def config_of(cluster: Cluster, topic: str) -> dict[str, str]:
    """The settings of a topic that is there."""
    resource = admin().ConfigResource(admin().ConfigResource.Type.TOPIC, topic)
    said = cluster.ask(cluster.client.describe_configs, [resource])
    found: dict[str, Any] = next(iter(said.values()))
    return {name: entry.value for name, entry in found.items()}


def create(cluster: Cluster, steps: Sequence[Step], replication: int) -> None:
    """Make the topics that are missing; returns when the brokers know of them."""
    missing = [
        admin().NewTopic(
            step.topic.name, step.topic.partitions, replication, config=_config(step, replication)
        )
        for step in steps
        if step.action == "create"
    ]
    if missing:
        cluster.ask(cluster.client.create_topics, missing, request_timeout=TIMEOUT_S)
        # What the controller has made, a busy broker may not have heard of yet.
        late, names = time.monotonic() + TIMEOUT_S, {topic.topic for topic in missing}
        while not names <= cluster.counts().keys() and time.monotonic() < late:
            time.sleep(0.02)


def _config(step: Step, replication: int) -> dict[str, str]:
    # One replica may be down, and what is acknowledged is on another one nevertheless.
    more = {"min.insync.replicas": "2"} if replication > 2 else {}
    return {**step.topic.config, **more}
