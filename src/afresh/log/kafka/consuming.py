"""Messages that are read, from a vector of offsets on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from afresh.errors import CorruptData, Unavailable
from afresh.log.kafka.address import Address
from afresh.log.kafka.client import kafka
from afresh.log.kafka.quiet import QUIET, say_once
from afresh.log.kafka.receiving import received

BOUNDS_S = 10.0
ASK_S = 1.0

PORTION = 5_000
"""The most messages handed on at a time."""


@dataclass(frozen=True, slots=True)
class Partition:
    topic: str
    number: int


class Consuming:
    """Reads partitions, each from its offset on; belongs to no group, so nobody takes them away.

    A message is seen once all replicas in sync have it: what was read is acknowledged. One that was
    written in a transaction is seen once that is committed. transactions: whether there are any:
    their marks have offsets too, and are no messages, so that only `places` says how far this is.
    uncommitted: count to the ends what is not committed yet.
    """

    def __init__(
        self,
        address: Address,
        partitions: Sequence[Partition],
        *,
        transactions: bool = False,
        uncommitted: bool = False,
    ) -> None:
        self.partitions = list(partitions)
        self._place = {(p.topic, p.number): at for at, p in enumerate(partitions)}
        must = {
            "group.id": f"{address.prefix}.servers",  # the client wants one; nothing is kept in it
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "error_cb": say_once,
            "enable.partition.eof": transactions,
            "isolation.level": "read_uncommitted" if uncommitted else "read_committed",
        }
        self.places: list[int] = []
        """The offset of the next record of each partition."""
        usual = {"fetch.wait.max.ms": 100, "queued.min.messages": 100_000}
        self._consumer = kafka().Consumer(address.client(must, **usual), logger=QUIET)

    def bounds(self) -> list[tuple[int, int]]:
        """The first offset held, and that of the next record, of each partition.

        Raises Unavailable when the brokers do not say it within BOUNDS_S.
        """
        late = time.monotonic() + BOUNDS_S
        return [self._bounds(p, late) for p in self.partitions]

    def _bounds(self, partition: Partition, late: float) -> tuple[int, int]:
        lib = kafka()
        asked = lib.TopicPartition(partition.topic, partition.number)
        while True:
            try:
                first, end = self._consumer.get_watermark_offsets(asked, timeout=BOUNDS_S)
                return first, end
            except lib.KafkaException as error:
                # A topic that was just made, or a broker that just left, has no leader yet.
                if time.monotonic() > late:
                    raise Unavailable(
                        f"The brokers do not say what {asked.topic}/{asked.partition} holds: "
                        f"{error}.",
                        hint="Check the setting `log`, and that the brokers run.",
                    ) from error
            time.sleep(0.1)

    def ends(self) -> list[int]:
        """The offset of the next record of each partition, as the last fetch told."""
        lib = kafka()
        found = []
        for p in self.partitions:
            asked = lib.TopicPartition(p.topic, p.number)
            _, end = self._consumer.get_watermark_offsets(asked, cached=True)
            found.append(end)
        return found

    def answers(self) -> bool:
        """Whether the brokers answer, within ASK_S."""
        lib = kafka()
        p = self.partitions[0]
        try:
            self._consumer.get_watermark_offsets(
                lib.TopicPartition(p.topic, p.number), timeout=ASK_S
            )
        except lib.KafkaException:
            return False
        return True

    def begin(self, vector: Sequence[int]) -> None:
        lib = kafka()
        self.places = list(vector)
        self._consumer.assign(
            [
                lib.TopicPartition(p.topic, p.number, offset)
                for p, offset in zip(self.partitions, vector, strict=True)
            ]
        )

    def take(self, timeout_s: float) -> list[tuple[int, list[Any]]]:
        """What has come, PORTION messages at most, by partition: (place of it in `partitions`,
        messages in order). Waits for the first of them only.

        Raises CorruptData when the brokers no longer hold what is asked for.
        """
        lib = kafka()
        found: dict[int, list[Any]] = {}
        for message in received(self._consumer, PORTION, timeout_s):
            error = message.error()
            place = self._place.get((message.topic(), message.partition()), 0)
            if error is None:
                found.setdefault(place, []).append(message)
                self.places[place] = message.offset() + 1
            elif error.code() == lib.KafkaError._PARTITION_EOF:
                self.places[place] = message.offset()
            elif error.code() in (
                lib.KafkaError._AUTO_OFFSET_RESET,
                lib.KafkaError.OFFSET_OUT_OF_RANGE,
            ):
                raise CorruptData(
                    f"The brokers do not hold {message.topic()}/{message.partition()} from where "
                    f"this server is: {error}.",
                    hint="Retention dropped it, or the topic was made anew. Start with an empty "
                    "--data folder.",
                )
            else:
                say_once(error)
        return list(found.items())

    def close(self) -> None:
        self._consumer.close()
