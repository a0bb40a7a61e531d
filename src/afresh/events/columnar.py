"""Typed events to columns, with the checks that need more than a type.

What is checked here: the bytes of ids, the bounds of timestamps and numbers,
that somebody did it. An event that fails is rejected alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import NULL, TEXT_IDS, EventBatch
from afresh.events.schema import PlanEvent
from afresh.events.verdict import Rejection

LIMIT = 1 << 31
"""Numbers are smaller than this in absolute value, so that no sum of them can overflow."""

MAX_TS = (1 << 33) * 1000 - 1
"""The last timestamp: tiles of one second are numbered in 33 bits (the year 2242)."""

_EXACT = Context(prec=80)
"""Room for every number that `fixed_point` looks at: 13 digits before the point, 40 behind it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


@dataclass(slots=True)
class Columns:
    """A batch, each event's place among those given, and what was refused.

    rows: int64[batch.n]; rejected: index is a place among those given.
    """

    batch: EventBatch
    rows: NDArray[np.int64]
    rejected: list[Rejection]


class Columnar:
    """Turns typed events into batches for one list of event types."""

    def __init__(self, events: tuple[PlanEvent, ...]) -> None:
        self.types = tuple(event.name for event in events)
        self.value_places = np.array([event.value_places for event in events], np.int64)
        self.places = {"value": max([e.value_places for e in events], default=0)}
        self.numbers = ["value"]
        self.texts: list[str] = []
        for event in events:
            for field in event.fields:
                names = self.texts if field.kind == "str" else self.numbers
                if field.name not in names:
                    names.append(field.name)
                self.places[field.name] = max(self.places.get(field.name, 0), field.places)
        self._exact = {(e.name, f.name): f.places for e in events for f in e.fields}
        self._exact |= {(e.name, "value"): e.value_places for e in events}

    def columns(self, events: Sequence[Any]) -> Columns:
        """Columns of typed events; ids that were not given are made."""
        refused: dict[int, Rejection] = {}
        ts = _timestamps(events, refused)
        texts = {
            "event_id": _joined([e.event_id or "" for e in events]),
            "user_id": _joined([e.user_id or "" for e in events]),
            "item_id": _joined([e.item_id or "" for e in events]),
            "session_id": _joined([e.session_id or "" for e in events]),
        }
        numbers, places = self._properties(events, texts, refused)
        empty: dict[str, bool] = {}
        for name, column in texts.items():
            clean, empty[name] = _judged(np.frombuffer(column, np.uint8), len(events))
            if not clean:
                _refuse_texts(name, events, refused)
        if refused or empty["user_id"]:
            _refuse_nobody(events, refused)
        if refused:
            rows = np.array([i for i in range(len(events)) if i not in refused], np.int64)
            kept = self.columns([events[i] for i in rows.tolist()]).batch
            return Columns(kept, rows, [refused[i] for i in sorted(refused)])
        batch = EventBatch(
            n=len(events),
            types=self.types,
            type=np.frombuffer(bytes([e.code for e in events]), np.uint8),
            ts=ts,
            texts=texts,
            numbers=numbers,
            places=places,
        )
        if empty["event_id"]:
            _make_ids(batch)
        return Columns(batch, np.arange(len(events)), [])

    def _properties(
        self, events: Sequence[Any], texts: dict[str, bytes], refused: dict[int, Rejection]
    ) -> tuple[dict[str, NDArray[np.int64]], dict[str, int]]:
        numbers: dict[str, NDArray[np.int64]] = {}
        values = [e.value for e in events]
        if values.count(None) < len(values):
            numbers["value"] = self._numbers("value", values, events, refused, "$.value")
        held = [(i, e.properties) for i, e in enumerate(events) if e.properties is not None]
        for name in self.numbers[1:] if held else ():
            given = [(i, v) for i, p in held if (v := getattr(p, name, None)) is not None]
            if given:
                column: list[Any] = [None] * len(events)
                for i, value in given:
                    column[i] = value
                path = f"$.properties.{name}"
                numbers[name] = self._numbers(name, column, events, refused, path)
        for name in self.texts if held else ():
            said = [(i, v) for i, p in held if (v := getattr(p, name, None)) is not None]
            if said:
                strings = [""] * len(events)
                for i, text in said:
                    strings[i] = text
                texts[name] = _joined(strings)
        return numbers, {name: self.places[name] for name in numbers}

    def _numbers(
        self,
        name: str,
        values: list[Any],
        events: Sequence[Any],
        refused: dict[int, Rejection],
        path: str,
    ) -> NDArray[np.int64]:
        """Fixed point: int64[n], scaled by the column's places."""
        places = self.places[name]
        if places == 0 and (whole := _whole(values)) is not None:
            return whole
        out = np.full(len(values), NULL, np.int64)
        for i, value in enumerate(values):
            if value is None:
                continue
            declared = self._exact[self.types[events[i].code], name]
            number = fixed_point(value, declared)
            if number is None or abs(number * 10 ** (places - declared)) >= LIMIT:
                refused[i] = Rejection(
                    i,
                    "bad_number",
                    path,
                    f"{value} is not a number of at most {declared} decimal places below "
                    f"{(LIMIT - 1) / 10**places:,.{places}f}.",
                )
            else:
                out[i] = number * 10 ** (places - declared)
        return out


def _whole(values: list[Any]) -> NDArray[np.int64] | None:
    """Integers within LIMIT, NULL for None; None when any is something else."""
    at = [i for i, value in enumerate(values) if value is not None]
    given = np.array([values[i] for i in at])
    out = np.full(len(values), NULL, np.int64)
    if len(at):
        whole = given.dtype in (np.int64, np.bool_)
        if not whole or not -LIMIT < int(given.min()) <= int(given.max()) < LIMIT:
            return None
        out[at] = given
    return out


def fixed_point(value: int | bool | Decimal, places: int) -> int | None:
    """value * 10**places, exactly, or None when that is no integer or out of any bounds."""
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > 12 or value.as_tuple().exponent < -40:  # type: ignore[operator]
            return None
        try:
            scaled = value.scaleb(places, _EXACT)
            whole: int = int(scaled)
            return whole if scaled == whole else None
        except InvalidOperation:
            return None
    return int(value) * int(10**places)


def milliseconds(moment: Any) -> int | None:
    """UTC ms, rounded down, or None when it is not a moment the log can hold."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            return None
        moment = (moment - _EPOCH) // _MS
    return int(moment) if 0 <= moment <= MAX_TS else None


def _timestamps(events: Sequence[Any], refused: dict[int, Rejection]) -> NDArray[np.int64]:
    given = [e.timestamp for e in events]
    try:
        ts = np.array(given, np.int64)
        if not len(ts) or (int(ts.min()) >= 0 and int(ts.max()) <= MAX_TS):
            return ts
    except (TypeError, OverflowError):
        pass
    out = np.zeros(len(given), np.int64)
    for i, moment in enumerate(given):
        ms = milliseconds(moment)
        if ms is None:
            refused[i] = Rejection(
                i, "bad_timestamp", "$.timestamp",
                f"{moment} is not RFC 3339 with an offset, nor epoch milliseconds from 0 on.",
            )  # fmt: skip
        else:
            out[i] = ms
    return out


def _joined(strings: list[str]) -> bytes:
    return "\0".join(strings).encode("utf-8", "surrogatepass")


@numba.njit(cache=True, nogil=True)
def _judged(data, n):  # type: ignore[no-untyped-def]
    """(clean, empty) of a text column: whether it holds n strings of at most 256 bytes without
    control characters, and whether one of them is empty.

    Control: U+0000-001F, U+007F, U+0080-009F (bytes C2 80-9F); also lone surrogates (ED A0-BF).
    """
    strings, size, empty = 1, 0, False
    for i in range(len(data)):
        c = data[i]
        if c == 0:
            strings += 1
            empty |= size == 0
            size = 0
            continue
        size += 1
        if size > 256 or c < 32 or c == 127:
            return False, empty
        if c == 0xC2 and i + 1 < len(data) and data[i + 1] < 0xA0:
            return False, empty
        if c == 0xED and i + 1 < len(data) and data[i + 1] >= 0xA0:
            return False, empty
    return strings == n, empty or size == 0


def fault_of_text(text: str) -> str | None:
    """What is wrong with an id, in words; None: nothing."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "It holds a lone surrogate, which is no character."
    if not 1 <= size <= 256:
        return f"It is {size} bytes long; 1 to 256 are allowed."
    bad = next((c for c in text if ord(c) < 32 or 127 <= ord(c) < 160), None)
    return None if bad is None else f"It holds the control character U+{ord(bad):04X}."


def _refuse_texts(name: str, events: Sequence[Any], refused: dict[int, Rejection]) -> None:
    own = name in TEXT_IDS
    for i, event in enumerate(events):
        text = getattr(event if own else event.properties, name, None)
        fault = fault_of_text(text) if text else None
        if fault:
            path = f"$.{name}" if own else f"$.properties.{name}"
            refused[i] = Rejection(i, "bad_id", path, fault)


def _refuse_nobody(events: Sequence[Any], refused: dict[int, Rejection]) -> None:
    # By event, not by column: a NUL in one id shifts the strings behind it.
    detail = "An event needs user_id or session_id."
    for i, event in enumerate(events):
        if not event.user_id and not event.session_id:
            refused.setdefault(i, Rejection(i, "missing_field", "$.user_id", detail))


def _make_ids(batch: EventBatch) -> None:
    """Give each event without an id a random one of 32 hex digits."""
    ids = batch.strings("event_id")
    random = os.urandom(16 * batch.n).hex()
    batch.texts["event_id"] = "\0".join(
        [given or random[32 * i : 32 * i + 32] for i, given in enumerate(ids)]
    ).encode()
