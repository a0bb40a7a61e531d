"""What is declared about events, made into plan data and checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import cast

from afresh.events.schema import IDENTIFY
from afresh.events.types import MAX_TYPES, RESERVED, DecimalType, EventType, declaration
from afresh.features.durations import is_whole
from afresh.features.plan import PlanEvent, PlanField
from afresh.features.resolve import spell
from afresh.problems import Place, Problem

VALUE_PLACES = 2
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")


def compile_events(types: Sequence[EventType]) -> tuple[tuple[PlanEvent, ...], list[Problem]]:
    """The plan's event types, in order, and what is wrong with their declarations."""
    problems: list[Problem] = []
    places = _value_places(types)
    events = []
    for event in types:
        said = declaration(event)
        fields = []
        for name, kind in said.fields.items():
            if name == "value":
                continue
            field = _field(name, kind)
            if isinstance(field, PlanField):
                fields.append(field)
            else:
                problems.append(Problem(*said.place, f"{said.name}.{name} {field[0]}", field[1]))
        weight = said.weight if _is_weight(said.weight) else 0
        events.append(
            PlanEvent(name=str(said.name), weight=weight, fields=tuple(fields), value_places=places)
        )
    return tuple(events), [*problems, *_event_problems(types, events)]


def check_name(name: object, what: str, place: Place) -> Iterator[Problem]:
    """Names of apps, events and surfaces: a letter, then up to 63 letters, digits, `_.:-`."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        hint = "Start with a letter; then letters, digits, _ . : - (64 at most)."
        yield Problem(*place, f"{name!r} cannot name {what}", hint)


def _event_problems(types: Sequence[EventType], events: list[PlanEvent]) -> Iterator[Problem]:
    seen: set[str] = set()
    fields: dict[str, tuple[PlanField, str]] = {}
    for event, made in zip(types, events, strict=True):
        said = declaration(event)
        yield from check_name(said.name, "an event type", said.place)
        if said.name in seen:
            message = f"The event type {said.name!r} is declared twice"
            yield Problem(*said.place, message, "Remove one.")
        seen.add(said.name)
        if said.name == IDENTIFY.name:
            hint = "It says which user a session is; every app has it. Take another name."
            yield Problem(*said.place, f"The event type {said.name!r} is built in", hint)
        if not _is_weight(said.weight):
            message = f"The weight of {said.name} is {said.weight!r}"
            hint = "Weights are whole numbers from 0 to 1000000; 0 keeps it out of what is popular."
            yield Problem(*said.place, message, hint)
        value = said.fields.get("value", int)
        if value is not int and not isinstance(value, DecimalType):
            yield Problem(*said.place, f"{said.name}.value must be a number", "value=decimal(2)")
        elif "value" in said.fields and _places(value) != made.value_places:
            message = f"value has {made.value_places} decimal places in one event, "
            message += f"{_places(value)} in {said.name}"
            yield Problem(*said.place, message, "value is one column: declare it alike everywhere.")
        for field in made.fields:
            first, where = fields.setdefault(field.name, (field, said.name))
            if (first.kind, first.places) != (field.kind, field.places):
                message = f"{field.name} is {spell(first)} in {where} and {spell(field)} in "
                hint = "One name is one column: declare it alike, or rename one."
                yield Problem(*said.place, message + said.name, hint)
    if len(types) > MAX_TYPES:
        message = f"{len(types)} event types are declared; an app can have {MAX_TYPES}"
        hint = "Put what differs into a property."
        yield Problem(*declaration(types[MAX_TYPES]).place, message, hint)
    if types and not any(event.weight for event in events):
        hint = "Give at least one a weight: app.event('view', weight=1)."
        message = "No event type has a weight, so nothing can be popular or found by sessions"
        yield Problem(*declaration(types[0]).place, message, hint, "warning")


def _field(name: str, kind: object) -> PlanField | tuple[str, str]:
    """One property, or what is wrong with it and what to write."""
    if name in RESERVED:
        return "takes a reserved name", "Every event has it already; leave it out."
    if isinstance(kind, DecimalType):
        if not is_whole(kind.places) or not 0 <= kind.places <= 9:
            return f"has {kind.places!r} decimal places", "Write decimal(0) to decimal(9)."
        return PlanField(name=name, kind="decimal", places=kind.places)
    if kind is int:
        return PlanField(name=name, kind="int")
    if kind is str:
        return PlanField(name=name, kind="str")
    if kind is bool:
        return PlanField(name=name, kind="bool")
    if kind is float:
        hint = f"Numbers are kept exactly: write {name}=decimal(2)."
        return "is a float", hint
    return f"has the type {kind!r}", "Properties are int, str, bool or decimal(places)."


def _value_places(types: Sequence[EventType]) -> int:
    """`value` is one column for all events: the first declaration of it counts."""
    given = [declaration(event).fields.get("value") for event in types]
    return next((_places(kind) for kind in given if kind is not None), VALUE_PLACES)


def _places(kind: object) -> int:
    return kind.places if isinstance(kind, DecimalType) else 0


def _is_weight(weight: object) -> bool:
    return is_whole(weight) and 0 <= cast(int, weight) <= 1_000_000
