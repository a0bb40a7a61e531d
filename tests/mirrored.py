"""Servers over one broker, for tests: each with a folder of its own, all with the same topics."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from engines.kafka import Kafka
from tests.everything import app

from afresh import App
from afresh.features.canonical import canonical
from afresh.log.kafka.address import address_of
from afresh.log.kafka.making import compare, create
from afresh.log.kafka.topics import Cluster, Topics
from afresh.mirror.runtime import MirrorRuntime
from afresh.settings import Settings


class Mirrored:
    """Topics of their own on a broker, and the servers that share them."""

    def __init__(self, kafka: Kafka, folder: Path, partitions: int = 4, **given: object) -> None:
        self.kafka, self.folder = kafka, folder
        self.settings = Settings(log=f"kafka://{kafka.servers}/t{uuid4().hex[:12]}", **given)
        self.address = address_of(self.settings)
        self.topics = Topics(self.address.prefix)
        cluster = Cluster(self.address)
        create(cluster, compare(cluster, self.topics.wanted(partitions, None)), 1)
        self.running: dict[str, MirrorRuntime] = {}

    def __call__(self, name: str = "one", app: App = app, **given: object) -> MirrorRuntime:
        """Open the server of that name; one that runs is closed first."""
        self.leave(name)
        settings = self.settings.model_copy(update=given)
        self.running[name] = MirrorRuntime.open(app, self.folder / name, settings)
        return self.running[name]

    def leave(self, name: str) -> None:
        if name in self.running:
            self.running.pop(name).close()

    def close(self) -> None:
        for name in list(self.running):
            self.leave(name)


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    late = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < late
        time.sleep(0.02)


def until_equal(*servers: MirrorRuntime, seconds: float = 20.0) -> bytes:
    """Wait until all have folded the same; returns the state's canonical form."""
    until(lambda: len({server.replica.vector for server in servers}) == 1, seconds)
    states = {server.replica.canonical() for server in servers}
    assert len(states) == 1
    return canonical(servers[0].replica.state)
