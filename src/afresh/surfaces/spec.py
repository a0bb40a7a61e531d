"""What a surface is, as plain data: its sources, its filters, how many items it shows.

The request itself, which reads this, is `surface.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from afresh.events.types import EventType, Field, declaration, split_name
from afresh.features.aggregates import By
from afresh.features.trends import trend_name
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

    budget: such as "5ms"; when its runs overrun it, it is left out for a while, and named. by: what
    a trend is split by, a field or an hour of day.
    """

    name: str
    weight: float = 1.0
    params: Mapping[str, Param] = field(default_factory=dict)
    place: Place = field(default_factory=here, compare=False)
    budget: str | None = None
    by: object = field(default=None, compare=False)

    @property
    def budget_ms(self) -> float | None:
        """Its budget; None: it has none of its own."""
        return budget_ms(self.budget)

    @property
    def trend(self) -> str:
        """The trend it reads, by its name; "" where it reads none."""
        if "window" not in self.params:
            return ""
        by = "" if self.by is None else split_name(self.by)
        return trend_name(str(self.params["window"]), by)

    @property
    def label(self) -> str:
        """Its name, and that of its trend."""
        return f"{self.name} {self.trend}" if self.trend else self.name


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


def trending(
    window: str = "1h", *, by: By = None, weight: float = 0.3, budget: str | None = None
) -> Source:
    """What is popular now: `trending("1h")`, `trending("7d")`.

    With `by=view.city`, where the request is: in the city that its context says, with
    `by=hour_of_day()` at this hour. What is popular everywhere, where that says nothing.
    """
    return Source("trending", weight, {"window": window}, budget=budget, by=by)


def rising(
    window: str = "1h", *, by: By = None, weight: float = 0.3, budget: str | None = None
) -> Source:
    """What has more events in a window, of a day at most, than is usual for it.

    With `by=view.city`, in the city of the request than is usual there; see `trending`.
    """
    return Source("rising", weight, {"window": window}, budget=budget, by=by)


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
    """What the visitor took before, most what is taken again and again and is due."""
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
