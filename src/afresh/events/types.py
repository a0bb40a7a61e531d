"""Event types as a user declares them, and references to their fields.

`buy.price_cents` is a `Field`: a name and the event type it was asked of. What
it stands for is decided when the definition is compiled, because the catalogue
may be declared later in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from afresh.problems import Place, here

MAX_TYPES = 64
"""Event types an app can declare; a set of them fits one 64-bit mask."""

RESERVED = frozenset({"event_id", "event_type", "user_id", "item_id", "session_id"}) | frozenset(
    {"timestamp", "sent_timestamp", "properties"}
)
"""Names every event has already; a property cannot take them."""


@dataclass(frozen=True, slots=True)
class DecimalType:
    """A number with a fixed count of decimal places, kept as an integer."""

    places: int


def decimal(places: int) -> Any:
    """A number with `places` decimal places, stored exactly: `value=decimal(2)`.

    In a catalogue: `price: Decimal = decimal(2)`.
    """
    return DecimalType(places)


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A reference to a field: of an event type, or of the catalogue when `owner` is None."""

    name: str
    owner: EventType | None = None
    catalog: str = ""
    place: Place = field(default_factory=here)

    def bands(self, *edges: int | str | Decimal) -> Bands:
        """This number as a group: `bands(1000, 2500)` gives <1000, 1000-2499 and >=2500."""
        return Bands(self, edges, here())

    def __str__(self) -> str:
        return f"{declaration(self.owner).name if self.owner else self.catalog}.{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Bands:
    """A number field cut into half-open bands at ascending edges."""

    field: Field
    edges: tuple[int | str | Decimal, ...]
    place: Place


def bands(field: Field | float | Decimal, *edges: int | str | Decimal) -> Bands:
    """The same for a catalogue field, as a type checker reads it: `bands(Products.price, 10)`."""
    return Bands(field, edges, here())  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class HourOfDay:
    """The hour of an event's own time, 0 to 23, on a clock that stands `offset` ahead of UTC."""

    offset: object
    place: Place


def hour_of_day(offset: str = "+00:00") -> HourOfDay:
    """The hour of day as a group: of UTC, or of a clock ahead of it, `hour_of_day("+05:30")`.

    An offset is fixed: it knows of no summer time.
    """
    return HourOfDay(offset, here())


HOUR_OF_DAY = "hour_of_day"


def split_name(by: object) -> str:
    """What a split is called: its field's name, or hour_of_day. A context says it so, too."""
    if isinstance(by, HourOfDay):
        return HOUR_OF_DAY
    field = by.field if isinstance(by, Bands) else by
    return field.name if isinstance(field, Field) else str(field)


@dataclass(frozen=True, slots=True)
class EventDeclaration:
    """What was said about an event type: `fields` maps a property to int, str, bool or decimal."""

    name: str
    weight: int
    fields: Mapping[str, object]
    place: Place


class EventType:
    """An event type; its attributes are its fields.

    A field is a declared property, `value`, or a field of the item's catalogue record.
    """

    __slots__ = ("_declaration",)
    _declaration: EventDeclaration

    def __init__(
        self, name: str, weight: int = 1, fields: Mapping[str, object] | None = None
    ) -> None:
        self._declaration = EventDeclaration(name, weight, dict(fields or {}), here())

    def __getattr__(self, name: str) -> Field:
        if name.startswith("_"):
            raise AttributeError(name)
        return Field(name, owner=self)

    def __repr__(self) -> str:
        return f"EventType({self._declaration.name!r})"


def declaration(event: EventType) -> EventDeclaration:
    """What was said about an event type (not an attribute: those are its fields)."""
    return event._declaration
