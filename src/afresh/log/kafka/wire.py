"""An event as a message: flat JSON, one message an event, so that every engine can read it.

    {"event_id": "e1", "event_type": "view", "timestamp": 1790000000000, "user_id": "u7",
     "item_id": "i3", "price": 1250, "item.category": "shoes"}

Numbers are the integers that the log holds (12.50 with two decimal places is 1250). What is null
is left out. The key is the owner: `u:` and the user, or else `s:` and the session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.errors import CorruptData
from afresh.events.batch import NULL, TEXT_IDS, EventBatch
from afresh.events.columnar import LIMIT, MAX_TS, Columnar, fault_of_text
from afresh.events.schema import PlanEvent

NONE: Mapping[str, int] = {}


@dataclass(slots=True)
class Unread:
    """A message that is no event. at: its place among those given."""

    at: int
    reason: str


class Wire:
    """Writes and reads events of the given types. item_texts, item_numbers: the columns of the
    catalogue that the door writes into events, and the decimal places of each number."""

    def __init__(
        self,
        events: tuple[PlanEvent, ...],
        item_texts: Sequence[str] = (),
        item_numbers: Mapping[str, int] = NONE,
    ) -> None:
        columnar = Columnar(events)
        self.types = columnar.types
        self._codes = {name: code for code, name in enumerate(self.types)}
        self.places = {**columnar.places, **item_numbers}
        self.numbers, self.texts = (
            [*columnar.numbers, *item_numbers],
            [*columnar.texts, *item_texts],
        )
        fields: list[Any] = [("event_id", str), ("event_type", str), ("timestamp", int)]
        fields += [("sent_timestamp", int | None, None)]
        fields += [(name, str, "") for name in ("user_id", "item_id", "session_id")]
        named = {name: f"column_{at}" for at, name in enumerate([*self.texts, *self.numbers])}
        fields += [(named[name], str, "") for name in self.texts]
        fields += [(named[name], int | None, None) for name in self.numbers]
        shape = msgspec.defstruct(
            "Message", fields, rename={field: name for name, field in named.items()},
            omit_defaults=True, gc=False,
        )  # fmt: skip
        self._shape: Any = shape
        self._names = named
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(shape)
        self._encoder = msgspec.json.Encoder()

    def encode(self, batch: EventBatch) -> list[bytes]:
        """The messages of a batch, in its order."""
        types, encode = [batch.types[code] for code in batch.type.tolist()], self._encoder.encode
        sent = _optional(batch.sent_ts, batch.n)
        columns = [batch.strings("event_id"), types, batch.ts.tolist(), sent]
        columns += [batch.strings(name) for name in ("user_id", "item_id", "session_id")]
        columns += [batch.strings(name) for name in self.texts]
        columns += [_optional(batch.numbers.get(name), batch.n) for name in self.numbers]
        return [encode(message) for message in map(self._shape, *columns)]

    def decode(self, values: Sequence[bytes | None]) -> tuple[EventBatch, list[Unread]]:
        """The events of messages, in their order, and which of these are none."""
        try:
            # A message that holds a line break must not pass for two.
            messages = self._decoder.decode_lines(b"\n".join(values))  # type: ignore[arg-type]
            if len(messages) == len(values):
                return self._batch(messages), []
        except (msgspec.MsgspecError, TypeError, ValueError, RecursionError, CorruptData):
            pass
        return self._each(values)

    def _each(self, values: Sequence[bytes | None]) -> tuple[EventBatch, list[Unread]]:
        messages, unread = [], []
        for at, value in enumerate(values):
            try:
                message = self._decoder.decode(value or b"")
                self._batch([message])
                messages.append(message)
            except (msgspec.MsgspecError, ValueError, RecursionError, CorruptData) as error:
                unread.append(Unread(at, str(error) if value else "It has no value."))
        return self._batch(messages), unread

    def _batch(self, messages: list[Any]) -> EventBatch:
        n = len(messages)
        try:
            types = bytes([self._codes[m.event_type] for m in messages])
        except KeyError as error:
            raise CorruptData(f"The definition has no event type {error}.") from None
        ts = _numbers([m.timestamp for m in messages], 0, MAX_TS + 1)
        texts = {name: self._column(messages, name, name) for name in TEXT_IDS}
        if not all(m.event_id and (m.user_id or m.session_id) for m in messages):
            raise CorruptData("An event needs an event_id, and a user_id or a session_id.")
        columns = {name: self._column(messages, self._names[name], name) for name in self.texts}
        texts |= {name: column for name, column in columns.items() if len(column) >= n}
        numbers = {}
        for name in self.numbers:
            values = [getattr(m, self._names[name]) for m in messages]
            if values.count(None) < n:
                numbers[name] = _numbers(values, 1 - LIMIT, LIMIT)
        sent = [m.sent_timestamp for m in messages]
        return EventBatch(
            n=n,
            types=self.types,
            type=np.frombuffer(types, np.uint8),
            ts=ts,
            texts=texts,
            numbers=numbers,
            places={name: self.places[name] for name in numbers},
            sent_ts=None if sent.count(None) == n else _numbers(sent, 0, MAX_TS + 1),
        )

    def _column(self, messages: list[Any], field: str, name: str) -> bytes:
        strings = [getattr(m, field) for m in messages]
        column = "\0".join(strings).encode()
        if column.count(b"\0") != max(len(strings) - 1, 0):
            raise CorruptData(f"{name} holds a control character.")
        if field in TEXT_IDS and len(column) > 0:
            _check_ids(column, strings, name)
        return column


def owners(batch: EventBatch) -> list[str]:
    """The key of each message."""
    pairs = zip(batch.strings("user_id"), batch.strings("session_id"), strict=True)
    return [f"u:{user}" if user else f"s:{session}" for user, session in pairs]


def _check_ids(column: bytes, strings: list[str], name: str) -> None:
    data = np.frombuffer(column, np.uint8)
    edges = np.flatnonzero(np.concatenate([[0], data, [0]]) == 0)
    suspicious = ((data < 32) & (data > 0)) | (data == 127) | (data == 0xC2)
    if suspicious.any() or int(np.diff(edges).max(initial=0)) > 257:
        fault = next((f for f in map(fault_of_text, filter(None, strings)) if f), None)
        if fault:
            raise CorruptData(f"{name}: {fault}")


def _numbers(values: list[int | None], low: int, high: int) -> NDArray[np.int64]:
    """int64[n], NULL for None. Raises CorruptData outside [low, high)."""
    known = [value for value in values if value is not None]
    if known and not low <= min(known) <= max(known) < high:
        raise CorruptData(f"A number is not in [{low}, {high}).")
    return np.array([NULL if value is None else value for value in values], np.int64)


def _optional(column: NDArray[np.int64] | None, n: int) -> list[int | None]:
    if column is None:
        return [None] * n
    return [None if value == NULL else value for value in column.tolist()]
