"""A message of somebody else's topic as events for the door."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from afresh.errors import AfreshError
from afresh.events.schema import PlanEvent
from afresh.intake.path import Path, path_of
from afresh.problems import suggest
from afresh.settings import EACH, FIELDS, TYPES, Intake

OWN = ("event_id", "event_type", "timestamp", "user_id", "session_id", "item_id", "value")

Number = msgspec.json.Decoder(float_hook=lambda text: msgspec.Raw(text.encode()))
"""Reads JSON and leaves decimal numbers as they are written."""


@dataclass(slots=True)
class Mapped:
    """What became of messages. lines: events as JSON; at: the place of each one's message among
    those given; unread: (place, why); passed_over: of types that the definition does not know."""

    lines: list[bytes] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    unread: list[tuple[int, str]] = field(default_factory=list)
    passed_over: int = 0


class Mapping:
    """Maps the messages of one topic, for a definition's event types."""

    def __init__(self, said: Intake, events: Iterable[PlanEvent]) -> None:
        self.said = said
        self._properties = {e.name: {f.name for f in e.fields} for e in events}
        self._types = {**TYPES.get(said.format, {}), **said.types}
        fields = {**FIELDS[said.format], **said.fields}
        properties = {name for names in self._properties.values() for name in names}
        known = {*OWN, "properties", *properties}
        for name in said.fields:
            if name not in known:
                raise AfreshError(
                    f"intake of {said.topic}: events have no field {name!r}.",
                    hint=suggest(name, known),
                )
        for name in self._types.values():
            if name not in self._properties and name in said.types.values():
                raise AfreshError(
                    f"intake of {said.topic}: there is no event type {name!r}.",
                    hint=suggest(name, self._properties),
                )
        self._paths = {name: _paths(said) for name, said in fields.items()}
        each = said.each or EACH.get(said.format, "")
        self._each = path_of(each) if each else None

    def map(self, values: Iterable[tuple[str, bytes | None]]) -> Mapped:
        """Messages as events. Each is (an id of its place, its value); an event without an id gets
        that one, so that a message read twice is one event."""
        out = Mapped()
        for at, (place, value) in enumerate(values):
            try:
                message = Number.decode(value or b"")
                if not isinstance(message, dict):
                    raise ValueError("It is no JSON object.")
                made = self._events(message, place)
            except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
                out.unread.append((at, str(error)))
                continue
            out.passed_over += not made
            out.lines += [msgspec.json.encode(event) for event in made]
            out.at += [at] * len(made)
        return out

    def _events(self, message: dict[str, Any], place: str) -> list[dict[str, Any]]:
        kind = self._found("event_type", message, None)
        if kind is None:
            raise ValueError("It has no event type.")
        event_type = self._types.get(str(kind), str(kind))
        if event_type not in self._properties:
            return []
        elements = self._each.of(message, None) if self._each else None
        if not isinstance(elements, list):
            return [self._event(event_type, message, None, place)]
        return [
            self._event(event_type, message, element, f"{place}/{number}", number)
            for number, element in enumerate(elements)
        ]

    def _event(
        self, kind: str, message: dict[str, Any], element: Any, place: str, number: int = 0
    ) -> dict[str, Any]:
        event: dict[str, Any] = {"event_type": kind}
        for name in OWN:
            found = self._found(name, message, element) if name != "event_type" else None
            if found is not None:
                event[name] = _text(found) if name.endswith("_id") else found
        event["event_id"] = (
            f"{event['event_id']}/{number}" if number else event.get("event_id", place)
        )
        if self.said.seconds and isinstance(event.get("timestamp"), int | msgspec.Raw):
            event["timestamp"] = int(float(bytes(_raw(event["timestamp"]))) * 1000)
        properties = self._properties_of(kind, message, element)
        if properties:
            event["properties"] = properties
        return event

    def _properties_of(self, kind: str, message: dict[str, Any], element: Any) -> dict[str, Any]:
        whole = self._found("properties", message, element)
        held = {**(whole if isinstance(whole, dict) else {})}
        held |= element if isinstance(element, dict) else {}
        names = self._properties[kind]
        found = {name: value for name, value in held.items() if name in names}
        for name in names & self._paths.keys():
            value = self._found(name, message, element)
            if value is not None:
                found[name] = value
        return {name: value for name, value in found.items() if value is not None}

    def _found(self, name: str, message: dict[str, Any], element: Any) -> Any:
        for path in self._paths.get(name, ()):
            value = path.of(message, element)
            if value is not None:
                return value
        return None


def _paths(said: str | tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(map(path_of, (said,) if isinstance(said, str) else said))


def _raw(value: Any) -> bytes:
    return bytes(value) if isinstance(value, msgspec.Raw) else str(value).encode()


def _text(value: Any) -> Any:
    """An id as text: many number their users and items."""
    return _raw(value).decode() if isinstance(value, int | msgspec.Raw) else value
