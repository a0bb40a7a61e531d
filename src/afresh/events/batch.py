"""A batch of admitted events as columns: what the log keeps and the fold reads.

Text columns are their UTF-8 strings joined by NUL, which no id can contain;
an empty string means "none". Number columns are int64 fixed point; NULL means
"none". The encoded form is a JSON header and the raw columns behind it, so
reading a batch back copies nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.errors import CorruptData
from afresh.events.texts import take_texts

NULL = np.iinfo(np.int64).min
"""The missing number."""

MAGIC = b"afE1"

TEXT_IDS = ("event_id", "user_id", "item_id", "session_id")


def join(texts: Iterable[str]) -> bytes:
    """Join strings into a text column."""
    return "\0".join(texts).encode()


def split(column: bytes, n: int) -> list[str]:
    """The n strings of a text column; a batch of none has no strings."""
    return column.decode().split("\0") if n else []


@dataclass(slots=True)
class EventBatch:
    """n events, column by column.

    types: names of the event types; type: uint8[n], index into `types`.
    ts: int64[n], UTC ms. sent_ts: int64[n] or None, the timestamp as sent where the
    door lowered it, else NULL. numbers: name -> int64[n]; places: name -> decimal
    places of that column. texts: name -> text column; always holds the four ids.
    """

    n: int
    types: tuple[str, ...]
    type: NDArray[np.uint8]
    ts: NDArray[np.int64]
    texts: dict[str, bytes]
    numbers: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    sent_ts: NDArray[np.int64] | None = None

    def strings(self, name: str) -> list[str]:
        return split(self.texts[name], self.n) if name in self.texts else [""] * self.n

    def of_type(self, name: str) -> NDArray[np.bool_]:
        """Which events are of a type: bool[n]."""
        if name not in self.types:
            return np.zeros(self.n, np.bool_)
        found: NDArray[np.bool_] = self.type == self.types.index(name)
        return found

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> EventBatch:
        """The events at `rows` (indices or a mask), in that order."""
        index = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows.astype(np.int64)
        texts = {name: take_texts(column, self.n, index) for name, column in self.texts.items()}
        return EventBatch(
            n=len(index),
            types=self.types,
            type=self.type[index],
            ts=self.ts[index],
            texts=texts,
            numbers={name: column[index] for name, column in self.numbers.items()},
            places=dict(self.places),
            sent_ts=None if self.sent_ts is None else self.sent_ts[index],
        )

    def cut(self, size: int) -> list[EventBatch]:
        """The same events as batches of at most `size`, in order."""
        if self.n <= size:
            return [self]
        return [
            self.take(np.arange(first, min(first + size, self.n)))
            for first in range(0, self.n, size)
        ]

    def encode(self) -> bytes:
        """The batch as bytes: magic, header length, header, columns."""
        parts: list[bytes] = [self.type.tobytes(), self.ts.tobytes()]
        if self.sent_ts is not None:
            parts.append(self.sent_ts.tobytes())
        parts += self.texts.values()
        parts += [column.tobytes() for column in self.numbers.values()]
        header = msgspec.json.encode(
            {
                "n": self.n,
                "types": self.types,
                "sent": self.sent_ts is not None,
                "texts": {name: len(column) for name, column in self.texts.items()},
                "numbers": {name: self.places.get(name, 0) for name in self.numbers},
            }
        )
        return b"".join([MAGIC, struct.pack("<I", len(header)), header, *parts])


class _Header(msgspec.Struct):
    n: int
    types: tuple[str, ...]
    sent: bool
    texts: dict[str, int]
    numbers: dict[str, int]


_header = msgspec.json.Decoder(_Header)


def decode_batch(payload: bytes) -> EventBatch:
    """Read a batch back from its bytes. Raises CorruptData when they are not one."""
    try:
        if payload[:4] != MAGIC:
            raise ValueError("no batch starts here")
        (size,) = struct.unpack_from("<I", payload, 4)
        header = _header.decode(payload[8 : 8 + size])
        at, n = 8 + size, header.n

        def take(dtype: Any) -> NDArray[Any]:
            nonlocal at
            column: NDArray[Any] = np.frombuffer(payload, dtype, n, at)
            at += column.nbytes
            return column

        type_codes, ts = take(np.uint8), take(np.int64)
        sent = take(np.int64) if header.sent else None
        texts = {}
        for name, length in header.texts.items():
            texts[name] = payload[at : at + length]
            at += length
        numbers = {name: take(np.int64) for name in header.numbers}
        if at != len(payload):
            raise ValueError(f"{len(payload) - at} bytes too many")
    except (ValueError, struct.error, msgspec.MsgspecError) as error:
        raise CorruptData(f"A batch of events in the log cannot be read: {error}") from error
    return EventBatch(n, header.types, type_codes, ts, texts, numbers, header.numbers, sent)
