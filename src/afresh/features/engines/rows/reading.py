"""The facts' topic, read from Kafka."""

from __future__ import annotations

from afresh.errors import AfreshError
from afresh.features.engines.rows.facts import FactTable
from afresh.log.kafka.address import Address
from afresh.log.kafka.consuming import Consuming, Partition
from afresh.log.kafka.topics import Cluster


class FactReader:
    """Follows a topic of facts; `table` is what it has read so far."""

    def __init__(self, address: Address, topic: str) -> None:
        """Raises AfreshError when the topic is not there, Unavailable without brokers."""
        count = Cluster(address).counts().get(topic)
        if count is None:
            raise AfreshError(
                f"There is no topic {topic}.", hint="`afresh kafka init APP.py` makes it."
            )
        self.table = FactTable()
        self._consuming = Consuming(address, [Partition(topic, n) for n in range(count)],
                                    transactions=True)  # fmt: skip
        self._consuming.begin([first for first, _ in self._consuming.bounds()])

    def read(self) -> FactTable:
        """Read on to where the topic ends now."""
        ends = [end for _, end in self._consuming.bounds()]
        while any(here < end for here, end in zip(self._consuming.places, ends, strict=True)):
            for _, messages in self._consuming.take(0.1):
                for message in messages:
                    self.table.take(message.key(), message.value())
        return self.table

    def close(self) -> None:
        self._consuming.close()
