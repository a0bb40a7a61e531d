"""What was read of the topics at one time, as entries for the mirror."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from afresh.committer import pending
from afresh.events.batch import EventBatch
from afresh.items import deletion
from afresh.log import Pending
from afresh.log.kafka.topics import Found
from afresh.log.kafka.wire import Wire
from afresh.mirror.copies import Copies

Taken = list[tuple[int, list[Any]]]
"""Messages by partition, as `Consuming.take` gives them."""


@dataclass(slots=True)
class Unreadable:
    """A message that is not ours, and why."""

    message: Any
    reason: str


@dataclass(slots=True)
class Chunk:
    """entries: for the mirror; batch: the events among them; vector: where reading goes on."""

    vector: tuple[int, ...]
    entries: list[Pending] = field(default_factory=list)
    batch: EventBatch | None = None
    arrival: int = 0
    copies: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)


class Reading:
    """Turns messages into entries."""

    def __init__(self, found: Found, wire: Wire, copies: Copies) -> None:
        self.found, self.wire, self.copies = found, wire, copies
        self._item = msgspec.json.Decoder(_Item)

    def chunk(self, taken: Taken, vector: Sequence[int], arrival: int) -> Chunk:
        """arrival: of the newest entry of the mirror, UTC ms."""
        after = list(vector)
        for place, messages in taken:
            after[place] = messages[-1].offset() + 1
        newest = max(messages[-1].timestamp()[1] for _, messages in taken)
        chunk = Chunk(tuple(after), arrival=max(arrival, newest))
        self._weights(chunk, taken)
        self._items(chunk, taken)
        self._events(chunk, taken)
        if chunk.entries:
            chunk.entries[-1] = replace(chunk.entries[-1], vector=chunk.vector)
        return chunk

    def _events(self, chunk: Chunk, taken: Taken) -> None:
        messages = [m for place, held in taken if place < self.found.events for m in held]
        if not messages:
            return
        batch, unread = self.wire.decode([message.value() for message in messages])
        chunk.unreadable += [Unreadable(messages[u.at], u.reason) for u in unread]
        first = self.copies.first(batch, chunk.arrival)
        chunk.copies = int(batch.n - first.sum())
        if chunk.copies:
            batch = batch.take(first)
        if batch.n:
            chunk.batch = batch
            chunk.entries.append(pending(batch, chunk.arrival))

    def _items(self, chunk: Chunk, taken: Taken) -> None:
        lines = []
        for message in self._of(taken, self.found.events):
            try:
                lines.append(self._line(message))
            except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
                chunk.unreadable.append(Unreadable(message, str(error)))
        if lines:
            at = chunk.arrival
            chunk.entries.append(Pending("items", len(lines), at, at, at, b"\n".join(lines)))

    def _line(self, message: Any) -> bytes:
        """An item's record as the log keeps it. Raises ValueError when it is none."""
        key, value = message.key(), message.value()
        if not key:
            raise ValueError("It has no key.")
        if value is None:
            return deletion(key.decode())
        if self._item.decode(value).item_id != key.decode():
            raise ValueError("Its key is not its item_id.")
        if b"\n" in value:
            return msgspec.json.encode(msgspec.json.decode(value))
        return bytes(value)

    def _weights(self, chunk: Chunk, taken: Taken) -> None:
        records = [m.value() for m in self._of(taken, self.found.events + 1)]
        if records and records[-1]:
            at = chunk.arrival
            chunk.entries.append(Pending("weights", 1, at, at, at, records[-1]))

    def _of(self, taken: Taken, place: int) -> list[Any]:
        return [message for at, messages in taken if at == place for message in messages]


class _Item(msgspec.Struct):
    item_id: str
