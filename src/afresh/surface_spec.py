"""What a surface is, as plain data: its sources, its filters, how many items it shows.

The request itself, which reads this, is `surface.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from afresh.events.types import EventType, Field, declaration
from afresh.problems import Place, here

Param = str | int | float | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Source:
    """Where candidates come from, and how much its scores count in the blend."""

    name: str
    weight: float = 1.0
    params: Mapping[str, Param] = field(default_factory=dict)
    place: Place = field(default_factory=here, compare=False)


@dataclass(frozen=True, slots=True)
class Filter:
    """What may not be shown."""

    name: str
    params: Mapping[str, Param] = field(default_factory=dict)
    place: Place = field(default_factory=here, compare=False)


@dataclass(frozen=True, slots=True)
class Surface:
    """One place where recommendations are shown. `n` is how many, unless the caller says."""

    name: str
    sources: tuple[Source, ...]
    filters: tuple[Filter, ...]
    n: int = 20
    place: Place = field(default_factory=here, compare=False)


def sessions(*, weight: float = 1.0, depth: int = 500) -> Source:
    """What people in the `depth` latest sessions like this one touched."""
    return Source("sessions", weight, {"depth": depth})


def trending(window: str = "1h", *, weight: float = 0.3) -> Source:
    """What is popular now: `trending("1h")`, `trending("7d")`."""
    return Source("trending", weight, {"window": window})


def similar(to: str = "", *, weight: float = 0.5, n: int = 10) -> Source:
    """What goes with the last `n` items of the visitor.

    `to` names a `last` feature; without one, the items of the session at hand.
    """
    return Source("similar", weight, {"to": to, "n": n})


def seen(*events: EventType | str) -> Filter:
    """Hides what the visitor has done this to: `seen("buy")`; without events, anything."""
    names = [declaration(e).name if isinstance(e, EventType) else e for e in events]
    return Filter("seen", {"events": tuple(names)})


def available(field: Field | bool | str) -> Filter:
    """Hides items whose field is false: `available(Products.in_stock)`."""
    return Filter("available", {"field": field.name if isinstance(field, Field) else str(field)})


SOURCES: dict[str, Callable[[], Source]] = {
    "sessions": sessions,
    "trending": trending,
    "similar": similar,
}
FILTERS = {"seen": seen, "available": available}

DEFAULT_SOURCES = (
    Source("sessions", 1.0, {"depth": 500}, Place()),
    Source("trending", 0.3, {"window": "1h"}, Place()),
    Source("trending", 0.1, {"window": "7d"}, Place()),
)


def make_source(given: object, place: Place) -> Source:
    """A source as given, or by name; an unknown name stays and is reported later."""
    if isinstance(given, Source):
        return given
    if isinstance(given, str) and given in SOURCES:
        return replace(SOURCES[given](), place=place)
    return Source(str(given), place=place)


def make_filter(given: object, place: Place) -> Filter:
    """A filter as given, or by name; an unknown name stays and is reported later."""
    if isinstance(given, Filter):
        return given
    return replace(seen(), place=place) if given == "seen" else Filter(str(given), place=place)


def make_surface(
    name: str,
    sources: Sequence[Source | str] | None,
    filters: Sequence[Filter | str] | None,
    n: int,
    default_filters: tuple[Filter, ...],
    place: Place,
) -> Surface:
    """A surface with what was left out filled in."""
    return Surface(
        name,
        DEFAULT_SOURCES if sources is None else tuple(make_source(s, place) for s in sources),
        default_filters if filters is None else tuple(make_filter(f, place) for f in filters),
        n,
        place,
    )
