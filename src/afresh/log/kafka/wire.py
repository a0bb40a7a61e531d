"""An event as a message: flat JSON, one message an event, so that every engine can read it.

    {"event_id": "e1", "event_type": "view", "timestamp": 1790000000000, "user_id": "u7",
     "item_id": "i3", "price": 1250, "item.category": "shoes"}

Numbers are the integers that the log holds (12.50 with two decimal places is 1250). What is null
is left out. The key is the owner: `u:` and the user, or else `s:` and the session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.errors import CorruptData
from afresh.events.batch import NULL, EventBatch
from afresh.events.columnar import LIMIT, MAX_TS, Columnar, fault_of_text
from afresh.events.schema import PlanEvent
from afresh.events.texts import as_bytes, split_column
from afresh.log.kafka.lines import NUMBER, TEXT, TYPE, layout, read_lines, write_lines
from afresh.log.kafka.partition import partitions_of

NONE: Mapping[str, int] = {}

IDS = ("event_id", "user_id", "item_id", "session_id")

NOBODY = "An event needs an event_id, and a user_id or a session_id."


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
        self.places = {**columnar.places, **item_numbers}
        self.numbers, self.texts = (
            [*columnar.numbers, *item_numbers],
            [*columnar.texts, *item_texts],
        )
        self._json = _Json(self)
        ids = [(name, TEXT, at) for at, name in enumerate(IDS)]
        fields = [ids[0], ("event_type", TYPE, 0), ("timestamp", NUMBER, 0)]
        fields += [("sent_timestamp", NUMBER, 1), *ids[1:]]
        fields += [(name, TEXT, at) for at, name in enumerate(self.texts, len(IDS))]
        fields += [(name, NUMBER, at) for at, name in enumerate(self.numbers, 2)]
        self._layout = layout(fields, self.types, required=3)

    def encode(self, batch: EventBatch) -> list[bytes]:
        """The messages of a batch, in its order."""
        batch = self._own(batch)
        n, nothing = batch.n, b"\0" * max(batch.n - 1, 0)
        texts = [batch.texts.get(name, nothing) for name in (*IDS, *self.texts)]
        numbers = np.full((2 + len(self.numbers), n), NULL, np.int64)
        numbers[0] = batch.ts
        if batch.sent_ts is not None:
            numbers[1] = batch.sent_ts
        for row, name in enumerate(self.numbers, 2):
            if name in batch.numbers:
                numbers[row] = batch.numbers[name]
        written = write_lines(self._layout, np.array(batch.type), texts, numbers)
        return self._json.encode(batch) if written is None else written

    def _own(self, batch: EventBatch) -> EventBatch:
        """The batch with this definition's type codes and decimal places."""
        if batch.types != self.types:
            codes = np.array([self.types.index(name) for name in batch.types], np.uint8)
            batch = replace(batch, types=self.types, type=codes[batch.type])
        off = {name: self.places[name] - places for name, places in batch.places.items()}
        if any(off.values()):
            scaled = {
                name: np.where(column == NULL, NULL, column * 10 ** off.get(name, 0))
                for name, column in batch.numbers.items()
            }
            batch = replace(batch, numbers=scaled, places={n: self.places[n] for n in scaled})
        return batch

    def decode(self, values: Sequence[bytes | None]) -> tuple[EventBatch, list[Unread]]:
        """The events of messages, in their order, and which of these are none."""
        if None not in values:
            texts, numbers = len(IDS) + len(self.texts), 2 + len(self.numbers)
            read = read_lines(self._layout, values, texts, numbers)  # type: ignore[arg-type]
            if read is not None:
                try:
                    return self._assembled(*read), []
                except CorruptData:
                    pass
        return self._json.decode(values)

    def _assembled(
        self, types: NDArray[np.uint8], texts: list[bytes], numbers: NDArray[np.int64]
    ) -> EventBatch:
        n = len(types)
        named = dict(zip((*IDS, *self.texts), texts, strict=True))
        _check_moments(numbers[:2])
        _check_numbers(numbers[2:])
        users, sessions = (as_bytes(named[name]) for name in ("user_id", "session_id"))
        nobody = (np.diff(split_column(users, n)) == 1) & (np.diff(split_column(sessions, n)) == 1)
        if nobody.any():
            raise CorruptData(NOBODY)
        said = {name: row for name, row in zip(self.numbers, numbers[2:], strict=True)
                if (row != NULL).any()}  # fmt: skip
        kept = {name: text for name, text in named.items() if name in IDS or len(text) >= n}
        return EventBatch(
            n=n,
            types=self.types,
            type=types,
            ts=numbers[0],
            texts=kept,
            numbers=said,
            places={name: self.places[name] for name in said},
            sent_ts=numbers[1] if (numbers[1] != NULL).any() else None,
        )


class _Json:
    """The same for messages of any shape, by a JSON parser."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._codes = {name: code for code, name in enumerate(wire.types)}
        fields: list[Any] = [("event_id", str), ("event_type", str), ("timestamp", int)]
        fields += [("sent_timestamp", int | None, None)]
        fields += [(name, str, "") for name in ("user_id", "item_id", "session_id")]
        named = {name: f"column_{at}" for at, name in enumerate([*wire.texts, *wire.numbers])}
        fields += [(named[name], str, "") for name in wire.texts]
        fields += [(named[name], int | None, None) for name in wire.numbers]
        shape = msgspec.defstruct(
            "Message", fields, rename={field: name for name, field in named.items()},
            omit_defaults=True, gc=False,
        )  # fmt: skip
        self._shape: Any = shape
        self._names = named
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(shape)
        self._encoder = msgspec.json.Encoder()

    def encode(self, batch: EventBatch) -> list[bytes]:
        wire, encode = self.wire, self._encoder.encode
        types = [batch.types[code] for code in batch.type.tolist()]
        columns = [batch.strings("event_id"), types, batch.ts.tolist()]
        columns += [_optional(batch.sent_ts, batch.n)]
        columns += [batch.strings(name) for name in ("user_id", "item_id", "session_id")]
        columns += [batch.strings(name) for name in wire.texts]
        columns += [_optional(batch.numbers.get(name), batch.n) for name in wire.numbers]
        return [encode(message) for message in map(self._shape, *columns)]

    def decode(self, values: Sequence[bytes | None]) -> tuple[EventBatch, list[Unread]]:
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
        texts = {name: self._column(messages, name, name) for name in IDS}
        if not all(m.event_id and (m.user_id or m.session_id) for m in messages):
            raise CorruptData(NOBODY)
        wire, named = self.wire, self._names
        columns = {name: self._column(messages, named[name], name) for name in wire.texts}
        texts |= {name: column for name, column in columns.items() if len(column) >= n}
        numbers = {}
        for name in wire.numbers:
            values = [getattr(m, self._names[name]) for m in messages]
            if values.count(None) < n:
                numbers[name] = _numbers(values, 1 - LIMIT, LIMIT)
        sent = [m.sent_timestamp for m in messages]
        return EventBatch(
            n=n,
            types=wire.types,
            type=np.frombuffer(types, np.uint8),
            ts=ts,
            texts=texts,
            numbers=numbers,
            places={name: wire.places[name] for name in numbers},
            sent_ts=None if sent.count(None) == n else _numbers(sent, 0, MAX_TS + 1),
        )

    def _column(self, messages: list[Any], field: str, name: str) -> bytes:
        strings = [getattr(m, field) for m in messages]
        column = "\0".join(strings).encode()
        if column.count(b"\0") != max(len(strings) - 1, 0):
            raise CorruptData(f"{name} holds a control character.")
        _check_texts(column, strings, name)
        return column


def _check_moments(rows: NDArray[np.int64]) -> None:
    if ((rows != NULL) & ((rows < 0) | (rows > MAX_TS))).any():
        raise CorruptData("A timestamp is out of bounds.")


def _check_numbers(rows: NDArray[np.int64]) -> None:
    if ((rows != NULL) & (np.abs(rows) >= LIMIT)).any():
        raise CorruptData("A number is out of bounds.")


def owners(batch: EventBatch) -> list[str]:
    """The key of each message."""
    pairs = zip(batch.strings("user_id"), batch.strings("session_id"), strict=True)
    return [f"u:{user}" if user else f"s:{session}" for user, session in pairs]


def placed(batch: EventBatch, partitions: int) -> tuple[list[str], NDArray[np.int64]]:
    """The key and the partition of each message: n, int64[n]."""
    keys = owners(batch)
    return keys, partitions_of("\0".join(keys).encode(), batch.n, partitions)


def _check_texts(column: bytes, strings: list[str], name: str) -> None:
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
