"""Bytes to typed events: one JSON object, an array, or NDJSON.

The common case is one call of the decoder for the whole body. Only when that
fails is each event looked at alone, so that one bad event costs the others
nothing but time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Union

import msgspec
from msgspec import Meta

from afresh.errors import BadRequest
from afresh.events.schema import IDENTIFY, PlanEvent, PlanField
from afresh.events.verdict import Rejection, rejection

Id = Annotated[str, Meta(min_length=1, max_length=256)]
_KINDS: dict[str, Any] = {
    "int": int,
    "decimal": int | Decimal,
    "float": int | Decimal,
    "str": Annotated[str, Meta(max_length=256)],
    "bool": bool,
    "list[str]": list[str],
}


@dataclass(slots=True)
class Decoded:
    """Events that have the declared shape. index: each one's place in the request."""

    events: list[Any] = field(default_factory=list)
    index: list[int] | range = range(0)
    rejected: list[Rejection] = field(default_factory=list)


class EventDecoder:
    """Decodes bodies of events whose types are the plan's."""

    def __init__(self, events: tuple[PlanEvent, ...], *, max_events: int = 100_000) -> None:
        self.max_events = max_events
        shape: Any = Union[tuple(_shape(code, event) for code, event in enumerate(events))]  # noqa: UP007
        self._one = msgspec.json.Decoder(shape)
        self._many = msgspec.json.Decoder(list[shape])
        self._raws = msgspec.json.Decoder(list[msgspec.Raw])

    def decode(self, body: bytes, *, lines: bool = False) -> Decoded:
        """The events of a body. lines: it is NDJSON for certain.

        Raises BadRequest when the body as a whole cannot be read (an array that is not
        JSON, too many events); everything else is a rejection of one event.
        """
        if not body or body.isspace():
            raise BadRequest(
                "The body is empty.", hint="Send an event, an array of events, or NDJSON."
            )
        first = body.lstrip()[:1]
        if first == b"[" and not lines:
            return self._array(body)
        if not lines:
            try:
                return Decoded([self._one.decode(body)], range(1))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                if b"\n" not in body.strip() or _is_one(body):
                    return Decoded(rejected=[rejection(0, error)])
        return self._lines(body)

    def _array(self, body: bytes) -> Decoded:
        try:
            events = self._many.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            try:
                return self._each([bytes(raw) for raw in self._raws.decode(body)])
            except (msgspec.MsgspecError, RecursionError) as error:
                raise BadRequest(
                    f"The body is not a JSON array: {error}.",
                    hint="Nothing was kept. Send NDJSON to have each line judged alone.",
                    code="malformed_json",
                ) from None
        self._check_count(len(events))
        return Decoded(events, range(len(events)))

    def _lines(self, body: bytes) -> Decoded:
        try:
            events = self._one.decode_lines(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._each([line for line in body.split(b"\n") if line.strip()])
        self._check_count(len(events))
        return Decoded(events, range(len(events)))

    def _each(self, texts: list[bytes]) -> Decoded:
        self._check_count(len(texts))
        index: list[int] = []
        out = Decoded(index=index)
        for at, text in enumerate(texts):
            try:
                out.events.append(self._one.decode(text))
                index.append(at)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                out.rejected.append(rejection(at, error))
        return out

    def _check_count(self, n: int) -> None:
        if n > self.max_events:
            raise BadRequest(
                f"The body holds {n:,} events; a request may hold {self.max_events:,}.",
                hint="Send several requests, or use `afresh import` for files.",
                code="too_many_events",
            )


def _is_one(body: bytes) -> bool:
    """Whether a body that is no event is one JSON document nevertheless, and not several lines."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


def _shape(code: int, event: PlanEvent) -> type:
    """The struct of one event type; `code` is the plan's, kept on the class."""
    properties: Any = msgspec.defstruct(
        "Properties",
        [(f.name, *_typed(f)) for f in sorted(event.fields, key=lambda f: f.optional)],
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )
    required = any(not f.optional for f in event.fields)
    whom: tuple[Any, ...] = (Id,) if event is IDENTIFY else (Id | None, None)
    return msgspec.defstruct(
        "Event",
        [
            ("timestamp", int | datetime),
            ("event_id", Id | None, None),
            ("user_id", *whom),
            ("item_id", Id | None, None),
            ("session_id", *whom),
            ("value", int | Decimal | None, None),
            ("properties", properties) if required else ("properties", properties | None, None),
        ],
        tag_field="event_type",
        tag=event.name,
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
        namespace={"code": code, "__annotations__": {"code": ClassVar[int]}},
    )


def _typed(field: PlanField) -> tuple[Any, ...]:
    kind = _KINDS[field.kind]
    return (kind | None, None) if field.optional else (kind,)
