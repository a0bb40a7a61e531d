"""Partitions of a topic shared among the members of a group; where to read on is kept elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from afresh.log.kafka.address import Address
from afresh.log.kafka.client import kafka
from afresh.log.kafka.quiet import QUIET, say_once
from afresh.log.kafka.receiving import received


class Sharing:
    """Reads those partitions that the group's coordinator gives this member.

    mine: the partitions given; given: those of them that are to be placed with `begin`; ends: where
    a partition ended when all up to there had been taken. Behind the last message of a transaction
    that is more than the offset of a message.
    """

    def __init__(self, address: Address, topic: str, group: str) -> None:
        must = {
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",  # compaction may have taken the record itself
            "error_cb": say_once,
            "enable.partition.eof": True,
        }
        # Who was killed is missed after six seconds, the least that brokers allow by themselves.
        usual = {
            "fetch.wait.max.ms": 20,
            "session.timeout.ms": 6_000,
            "heartbeat.interval.ms": 1_500,
        }
        self.topic = topic
        self.mine: set[int] = set()
        self.given: set[int] = set()
        self.ends: dict[int, int] = {}
        self._consumer = kafka().Consumer(address.client(must, **usual), logger=QUIET)
        self._consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked)

    def _assigned(self, consumer: Any, partitions: Sequence[Any]) -> None:
        self.mine = self.given = {p.partition for p in partitions}
        consumer.assign([])  # until it is known where to read on

    def _revoked(self, consumer: Any, partitions: Sequence[Any]) -> None:
        self.mine, self.given = set(), set()
        self.ends.clear()
        consumer.unassign()

    def begin(self, places: Mapping[int, int]) -> None:
        """Read these partitions, each from its offset on."""
        lib = kafka()
        self._consumer.assign([lib.TopicPartition(self.topic, p, at) for p, at in places.items()])
        self.given = set()
        self.ends.clear()

    def take(self, at_most: int, timeout_s: float) -> list[Any]:
        """Messages in the order of each partition; waits for the first of them only."""
        found, ended = [], kafka().KafkaError._PARTITION_EOF
        for message in received(self._consumer, at_most, timeout_s):
            error = message.error()
            if error is None:
                found.append(message)
            elif error.code() == ended:
                self.ends[message.partition()] = message.offset()
            else:
                say_once(error)
        return [message for message in found if message.partition() in self.mine]

    def close(self) -> None:
        """Leave, so that others take over at once."""
        self._consumer.close()
