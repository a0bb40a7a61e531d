"""What a surface is, as plain data: its sources, its filters, how many items it shows.

The request itself, which reads this, is `surface.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from afresh.events.types import EventType, Field, declaration
from afresh.problems import Place, here

Param = str | int | float | tuple[str, ...] | tuple[tuple[str, float], ...] | None


_BUDGET = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)\s*(ms|s)")


@cache
def budget_ms(budget: object) -> float | None:
    """A budget in ms, None for None. Raises ValueError for what is none."""
    if budget is None:
        return None
    said = _BUDGET.fullmatch(budget.strip()) if isinstance(budget, str) else None
    if said is None or not float(said[1]):
        raise ValueError(f"{budget!r} is no budget of time")
    return float(said[1]) * (1 if said[2] == "ms" else 1000)


@dataclass(frozen=True, slots=True)
class Source:
    """Where candidates come from, and how much its scores count in the blend.

    budget: such as "5ms"; when its runs overrun it, it is left out for a while, and named.
    """

    name: str
    weight: float = 1.0
    params: Mapping[str, Param] = field(default_factory=dict)
    place: Place = field(default_factory=here, compare=False)
    budget: str | None = None

    @property
    def budget_ms(self) -> float | None:
        """Its budget; None: it has none of its own."""
        return budget_ms(self.budget)

    @property
    def label(self) -> str:
        """Its name, and of a trend the window."""
        return f"{self.name} {self.params['window']}" if "window" in self.params else self.name


@dataclass(frozen=True, slots=True)
class Filter:
    """What may not be shown. budget: as of a source."""

    name: str
    params: Mapping[str, Param] = field(default_factory=dict)
    place: Place = field(default_factory=here, compare=False)
    budget: str | None = None

    @property
    def budget_ms(self) -> float | None:
        """Its budget; None: it has none."""
        return budget_ms(self.budget)


@dataclass(frozen=True, slots=True)
class Grouping:
    """Groups beside a surface's list: at most n of them, of `least` to `items` items each.

    by: the catalogue's field whose values they are about; window: of the trend.
    """

    name: str
    n: int
    items: int = 10
    least: int = 4
    by: str | None = None
    window: str | None = None
    place: Place = field(default_factory=here, compare=False)


@dataclass(frozen=True, slots=True)
class Surface:
    """One place where recommendations are shown.

    n: how many, unless the caller says. scorer: `blend`, the sources' scores by their weights, or
    `learned`, a softmax over many scans and fresh terms that learns from each outcome. explore:
    how many slots at the end of a first page show what few have seen, by a draw whose
    probability is in the answer. title: the catalogue's text field by which reasons name an item.
    groups: lists beside the first page's.
    """

    name: str
    sources: tuple[Source, ...]
    filters: tuple[Filter, ...]
    n: int = 20
    scorer: str = "blend"
    explore: int = 0
    title: str | None = None
    groups: tuple[Grouping, ...] = ()
    place: Place = field(default_factory=here, compare=False)


def sessions(*, weight: float = 1.0, depth: int = 500, budget: str | None = None) -> Source:
    """What people in the `depth` latest sessions like this one touched."""
    return Source("sessions", weight, {"depth": depth}, budget=budget)


def trending(window: str = "1h", *, weight: float = 0.3, budget: str | None = None) -> Source:
    """What is popular now: `trending("1h")`, `trending("7d")`."""
    return Source("trending", weight, {"window": window}, budget=budget)


def rising(window: str = "1h", *, weight: float = 0.3, budget: str | None = None) -> Source:
    """What has more events in a window, of a day at most, than is usual for it."""
    return Source("rising", weight, {"window": window}, budget=budget)


def similar(to: str = "", *, weight: float = 0.5, n: int = 10, budget: str | None = None) -> Source:
    """What goes with the last `n` items of the visitor.

    `to` names a `last` feature; without one, the items of the session at hand.
    """
    return Source("similar", weight, {"to": to, "n": n}, budget=budget)


def seen(*events: EventType | str, budget: str | None = None) -> Filter:
    """Hides what the visitor has done this to: `seen("buy")`; without events, anything."""
    return Filter("seen", {"events": tuple(_name(event) for event in events)}, budget=budget)


def neighbours(*, weight: float = 1.0, budget: str | None = None) -> Source:
    """What ten scans of people's sessions find together: neighbours at several depths, rules,
    next items, co-visits, two hops."""
    return Source("neighbours", weight, budget=budget)


def next_item(*, weight: float = 0.5, budget: str | None = None) -> Source:
    """What people went on to, right after the visitor's latest item."""
    return Source("next_item", weight, budget=budget)


def covisits(*, weight: float = 0.3, budget: str | None = None) -> Source:
    """What the visitor's latest items share sessions with."""
    return Source("covisits", weight, budget=budget)


def two_hops(*, weight: float = 0.3, budget: str | None = None) -> Source:
    """What stands near that which stands near the visitor's latest items."""
    return Source("two_hops", weight, budget=budget)


def preference(
    *,
    weight: float = 0.3,
    actions: Mapping[EventType | str, float] | None = None,
    half_life: str = "1d",
    budget: str | None = None,
) -> Source:
    """What is described like the things the visitor likes, the latest and weightiest most.

    `actions` says what an action counts here, where that is not its own weight; below zero it
    pushes away: `actions={skip: -2}`. After each `half_life` an action counts half.
    """
    said = tuple((_name(event), worth) for event, worth in (actions or {}).items())
    return Source("preference", weight, {"actions": said, "half_life": half_life}, budget=budget)


def text(*, weight: float = 0.2, budget: str | None = None) -> Source:
    """What is described like the visitor's latest items; knows items that nobody has touched."""
    return Source("text", weight, budget=budget)


def repeats(*, weight: float = 0.3, budget: str | None = None) -> Source:
    """What the visitor takes again and again, most when it is due."""
    return Source("repeats", weight, budget=budget)


def newcomers(*, weight: float = 0.05, budget: str | None = None) -> Source:
    """Items of the catalogue that few have touched, the newest first."""
    return Source("newcomers", weight, budget=budget)


def available(field: Field | bool | str, *, budget: str | None = None) -> Filter:
    """Hides items whose field is false: `available(Products.in_stock)`."""
    return Filter("available", {"field": field_name(field)}, budget=budget)


def because(*, n: int = 3, items: int = 10, least: int = 4) -> Grouping:
    """A group for each of the visitor's n latest items: "Because you looked at …", what people's
    sessions have near it. One with fewer than `least` items is dropped."""
    return Grouping("because", n, items, least)


def trending_in(
    field: Field | str, *, n: int = 2, window: str = "24h", items: int = 10, least: int = 4
) -> Grouping:
    """A group for each of the n values of a text field of the catalogue that trend most:
    "Trending in …". One with fewer than `least` items is dropped."""
    return Grouping("trending_in", n, items, least, field_name(field), window)


def field_name(field: Field | str | bool) -> str:
    """The name of a catalogue field, given as `Products.title` or as its name."""
    return field.name if isinstance(field, Field) else str(field)


def _name(event: EventType | str) -> str:
    return declaration(event).name if isinstance(event, EventType) else event


TRENDS = ("trending", "rising")
"""Sources that read a trend's window."""

SOURCES: dict[str, Callable[[], Source]] = {
    "sessions": sessions,
    "trending": trending,
    "rising": rising,
    "similar": similar,
    "neighbours": neighbours,
    "next_item": next_item,
    "covisits": covisits,
    "two_hops": two_hops,
    "preference": preference,
    "text": text,
    "repeats": repeats,
    "newcomers": newcomers,
}

SCORERS = ("blend", "learned")
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
    scorer: str,
    explore: int,
    title: str | None,
    groups: Sequence[Grouping],
    default_filters: tuple[Filter, ...],
    place: Place,
) -> Surface:
    """A surface with what was left out filled in."""
    made = DEFAULT_SOURCES if sources is None else tuple(make_source(s, place) for s in sources)
    if scorer == "learned" and not any(source.name == "neighbours" for source in made):
        made = (*made, replace(neighbours(), place=place))  # it learns from what these find
    return Surface(
        name,
        made,
        default_filters if filters is None else tuple(make_filter(f, place) for f in filters),
        n,
        scorer,
        explore,
        title,
        tuple(groups),
        place,
    )
