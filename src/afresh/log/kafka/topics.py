"""The topics of an app: what they are called, how they must be set, what is there."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from afresh.errors import AfreshError, Unavailable
from afresh.log.kafka.address import Address, address_of
from afresh.log.kafka.client import admin, kafka
from afresh.log.kafka.consuming import Partition
from afresh.log.kafka.quiet import QUIET
from afresh.settings import Settings

TIMEOUT_S = 10.0

DAY_MS = 86_400_000

FACTS_SLACK_MS = 30 * DAY_MS
"""How much longer than a feature reads back facts are kept: an engine may be away."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it must be. partitions: how many; config: what its settings must say."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one generation of an app."""

    prefix: str
    generation: int = 1

    @property
    def events(self) -> str:
        """Events, keyed by owner: what engines read."""
        return f"{self.prefix}.events.{self.generation}"

    @property
    def items(self) -> str:
        """Records of the catalogue, by item; the last of each is kept."""
        return f"{self.prefix}.items"

    @property
    def weights(self) -> str:
        """What was learned online; the last record is kept."""
        return f"{self.prefix}.weights"

    @property
    def facts(self) -> str:
        """What engines made of the events; the last of each row is kept."""
        return f"{self.prefix}.facts.{self.generation}"

    @property
    def late(self) -> str:
        """Events that came too late, as they were sent."""
        return f"{self.prefix}.late"

    @property
    def dead(self) -> str:
        """Messages in the topics above that nobody could read, with the reason."""
        return f"{self.prefix}.dead"

    def wanted(
        self, partitions: int, retention_ms: int | None, reach_ms: int | None = None
    ) -> list[Topic]:
        """All of them, as they must be. retention_ms: of events; reach_ms: how far back a feature
        can read, which facts are kept for; None keeps all."""
        kept = "-1" if retention_ms is None else str(retention_ms)
        # Event time may be long ago: age is counted from when the brokers got a message.
        stamped = {"message.timestamp.type": "LogAppendTime"}
        # Whoever was away for less than this still sees that an item is gone.
        compacted = {
            **stamped,
            "cleanup.policy": "compact",
            "delete.retention.ms": str(90 * DAY_MS),
        }
        aged = {**stamped, "cleanup.policy": "delete", "retention.ms": str(30 * DAY_MS)}
        facts = dict(compacted)
        if reach_ms is not None:  # a row that is older is of nothing that can be read
            kept_ms = reach_ms + FACTS_SLACK_MS
            facts |= {"cleanup.policy": "compact,delete", "retention.ms": str(kept_ms)}
        return [
            Topic(self.events, partitions, {**aged, "retention.ms": kept}),
            Topic(self.facts, partitions, facts),
            Topic(self.items, 1, compacted),
            Topic(self.weights, 1, compacted),
            Topic(self.late, 1, aged),
            Topic(self.dead, 1, {**aged, "cleanup.policy": "compact,delete"}),
        ]


def topics_of(settings: Settings) -> Topics:
    """The topics that the settings name. Raises AfreshError for an address that is none."""
    return Topics(address_of(settings).prefix, settings.kafka_generation)


@dataclass(frozen=True, slots=True)
class Found:
    """The topics as they are. id: 16 hex digits, another one where a topic was made anew;
    partitions: those that a server reads, in the order of a vector of offsets."""

    id: str
    partitions: tuple[Partition, ...]
    events: int
    """How many partitions the events have; they come first."""


class Cluster:
    """What an administrator's client says of the cluster."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.failure = ""
        self.refused = False
        """Whether the brokers will not have this client, however long it asks."""
        self._client = admin().AdminClient(address.client({"error_cb": self._note}), logger=QUIET)

    def _note(self, error: Any) -> None:
        # A wrong password is said here and nowhere else.
        lib = kafka().KafkaError
        if not self.refused:
            self.failure = error.str()
        self.refused |= error.code() in (lib._AUTHENTICATION, lib._SSL)

    def ask(self, call: Any, *args: Any, **more: Any) -> Any:
        """The result of one call. Raises Unavailable with why there is none."""
        lib = kafka()
        try:
            asked = call(*args, **more)
            if isinstance(asked, dict):
                return {name: self._result(future) for name, future in asked.items()}
            return self._result(asked) if hasattr(asked, "result") else asked
        except (lib.KafkaException, TimeoutError) as error:
            raise self._refusal(error) from error

    def _result(self, future: Any) -> Any:
        """What comes of a call, within TIMEOUT_S; TimeoutError at once if nothing can."""
        late = time.monotonic() + TIMEOUT_S + 1
        while True:
            try:
                return future.result(0.05)
            except TimeoutError:
                self._client.poll(0)
                if self.refused or time.monotonic() > late:
                    raise

    def _refusal(self, error: Exception) -> AfreshError:
        self._client.poll(0)
        said = str(error.args[0] if error.args else error)
        if "AUTHORIZATION" in said or "uthorization failed" in said:
            user = self.address.options.get("sasl.username", "")
            return AfreshError(
                f"The brokers do not allow it to the user {user!r}: {said}",
                hint="`afresh kafka acls APP.py` prints what each role needs.",
            )
        hint = "Check the setting `log`, that the brokers run, and kafka_user."
        return Unavailable(
            f"The brokers at {self.address.servers} do not answer: {self.failure or said}",
            hint=hint,
        )

    @property
    def client(self) -> Any:
        return self._client

    def counts(self) -> dict[str, int]:
        """The partitions of each topic that this user may see."""
        found = self.ask(self._client.list_topics, timeout=TIMEOUT_S)
        return {name: len(topic.partitions) for name, topic in found.topics.items()}

    def find(self, topics: Topics) -> Found:
        """Raises AfreshError when a topic is missing."""
        names = [topics.events, topics.items, topics.weights]
        described = self._described(names)
        count = len(described[topics.events].partitions)
        ids = "/".join(str(described[name].topic_id) for name in names)
        read = [Partition(topics.events, number) for number in range(count)]
        read += [Partition(topics.items, 0), Partition(topics.weights, 0)]
        return Found(hashlib.sha256(ids.encode()).hexdigest()[:16], tuple(read), count)

    def topic(self, name: str) -> tuple[str, int]:
        """The id of a topic, another one where it was made anew, and how many partitions it has.
        Raises AfreshError when it is missing."""
        found = self._described([name])[name]
        return str(found.topic_id), len(found.partitions)

    def _described(self, names: list[str]) -> dict[str, Any]:
        lib = kafka()
        asked = self._client.describe_topics(lib.TopicCollection(names), request_timeout=TIMEOUT_S)
        found: dict[str, Any] = {}
        for name, future in asked.items():
            try:
                found[name] = self._result(future)
            except (lib.KafkaException, TimeoutError) as error:
                if error.args and _code(error) == lib.KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise AfreshError(
                        f"There is no topic {name} at {self.address.servers}.",
                        hint="`afresh kafka init APP.py` makes the topics (--dry-run shows them).",
                    ) from None
                raise self._refusal(error) from error
        return found


def _code(error: Exception) -> int | None:
    code = getattr(error.args[0], "code", None)
    return code() if callable(code) else None
