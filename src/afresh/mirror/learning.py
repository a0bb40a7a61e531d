"""Which of the servers learns: the one that the brokers give the topic of weights to.

All servers ask for its one partition as one group; the group's coordinator gives it to one of them,
and to another one when that goes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import structlog

from afresh.log.kafka.address import Address
from afresh.log.kafka.client import kafka
from afresh.log.kafka.quiet import QUIET, say_once

_log = structlog.get_logger("afresh.mirror")


class Chosen:
    """Says whether this server is the one that learns. begin: called when it becomes that."""

    def __init__(self, address: Address, topic: str, begin: Callable[[], None]) -> None:
        self.now = False
        self._begin = begin
        must = {
            "group.id": f"{address.prefix}.learner",
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",
            "error_cb": say_once,
        }
        usual = {"session.timeout.ms": 10_000}
        self._topic = topic
        self._consumer = kafka().Consumer(address.client(must, **usual), logger=QUIET)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="afresh-chosen", daemon=True)

    def start(self) -> None:
        self._consumer.subscribe([self._topic], on_assign=self._given, on_revoke=self._taken)
        self._thread.start()

    def close(self) -> None:
        """Leave, so that another server learns at once."""
        self._closing = True
        if self._thread.is_alive():
            self._thread.join()
        self._consumer.close()

    def _given(self, consumer: Any, partitions: list[Any]) -> None:
        if partitions:
            consumer.pause(partitions)  # records of weights are read where all servers read them
            self._begin()
            self.now = True
            _log.info("learning", topic=self._topic)

    def _taken(self, consumer: Any, partitions: list[Any]) -> None:
        self.now = False

    def _run(self) -> None:
        while not self._closing:
            self._consumer.poll(0.5)
