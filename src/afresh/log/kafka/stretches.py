"""Stretches of a topic, read when somebody asks: some messages of some partitions, at once or not
at all."""

from __future__ import annotations

import queue
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from afresh.errors import Unavailable
from afresh.log.kafka.address import Address
from afresh.log.kafka.client import kafka
from afresh.log.kafka.quiet import QUIET, say_once
from afresh.log.kafka.receiving import received

CONSUMERS = 4
"""Readings at a time; a consumer has threads and connections of its own."""
CONNECT_S = 2.0
PORTION = 1_000

Span = tuple[int, int]
"""Offsets [first, past)."""


class Stretches:
    """Reads stretches of one topic; from any thread. Connections stay open between readings."""

    def __init__(self, address: Address, topic: str) -> None:
        self.topic = topic
        must = {
            "group.id": f"{address.prefix}.servers",  # the client wants one; nothing is kept in it
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "error_cb": say_once,
            "enable.partition.eof": True,  # marks of transactions have offsets and are no messages
            "isolation.level": "read_committed",
        }
        # A fetch that waits for more holds up the next reading on its connection.
        usual = {"fetch.wait.max.ms": 5, "reconnect.backoff.max.ms": 1000}
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._all = [
            kafka().Consumer(address.client(must, **usual), logger=QUIET) for _ in range(CONSUMERS)
        ]
        for consumer in self._all:
            self._idle.put(consumer)

    def connect(self, partitions: int) -> None:
        """Have every consumer that is idle connected to all brokers it may need. Raises Unavailable
        when one of them does not answer within CONNECT_S."""
        for _ in range(CONSUMERS):
            try:
                consumer = self._idle.get_nowait()
            except queue.Empty:
                return
            try:
                for partition in range(partitions):
                    asked = kafka().TopicPartition(self.topic, partition)
                    consumer.get_watermark_offsets(asked, timeout=CONNECT_S)
            except kafka().KafkaException as error:
                text = f"The brokers do not say what {self.topic} holds: {error}."
                raise Unavailable(text, hint="Check that the brokers run.") from error
            finally:
                self._idle.put(consumer)

    def read(self, wanted: Mapping[int, Span], late: float) -> list[Any] | None:
        """The messages of these stretches, those of a partition in order; None when they did not
        all come before `late` (of time.monotonic), or are no longer held."""
        try:
            consumer = self._idle.get(timeout=max(late - time.monotonic(), 0))
        except queue.Empty:
            return None
        try:
            return self._read(consumer, wanted, late)
        except kafka().KafkaException as error:
            say_once(error.args[0])
            return None
        finally:
            with suppress(Exception):  # of a consumer that was closed meanwhile
                consumer.unassign()
            self._idle.put(consumer)

    def _read(self, consumer: Any, wanted: Mapping[int, Span], late: float) -> list[Any] | None:
        lib = kafka()
        consumer.assign([lib.TopicPartition(self.topic, p, a) for p, (a, _) in wanted.items()])
        left = {p: past for p, (_, past) in wanted.items()}
        found = []
        while left:
            if time.monotonic() >= late:
                return None
            for message in received(consumer, PORTION, max(late - time.monotonic(), 0)):
                error, partition = message.error(), message.partition()
                if error is None:
                    if message.offset() < wanted[partition][1]:
                        found.append(message)
                    place = message.offset() + 1
                elif error.code() == lib.KafkaError._PARTITION_EOF:
                    place = message.offset()
                elif error.code() in (
                    lib.KafkaError._AUTO_OFFSET_RESET,
                    lib.KafkaError.OFFSET_OUT_OF_RANGE,
                ):
                    return None
                else:
                    say_once(error)
                    continue
                if place >= left.get(partition, place + 1):
                    del left[partition]
        return found

    def close(self) -> None:
        for consumer in self._all:
            consumer.close()
