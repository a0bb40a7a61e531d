"""What a definition calls: sources, filters and groups of its surfaces, and their exploration."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from afresh.events.types import EventType, Field, declaration
from afresh.features.aggregates import By
from afresh.surfaces.spec import Exploration, Filter, Grouping, Param, Source


def thompson(slots: int, *, shown: str, taken: str) -> Exploration:
    """Places for new items, each shown as often as it is likely to be the best of them.

    `shown` and `taken` name features of items: how often each was shown and taken,
    `count(impression, window=daily(30))` say. What was shown often enough leaves its place to
    others.
    """
    return Exploration(slots, shown, taken)


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
    params: dict[str, Param] = {"actions": _weighed(actions), "half_life": half_life}
    return Source("preference", weight, params, budget=budget)


def embeddings(
    *,
    weight: float = 0.3,
    actions: Mapping[EventType | str, float] | None = None,
    half_life: str = "1d",
    budget: str | None = None,
) -> Source:
    """What lies near the visitor's latest items in vectors learned from everybody's visits.

    The vectors are fitted again from time to time while the server runs (`vectors_every`); an item
    that nobody has touched stands where its text puts it. `actions`, `half_life`: as of
    `preference`.
    """
    params: dict[str, Param] = {"actions": _weighed(actions), "half_life": half_life}
    return Source("embeddings", weight, params, budget=budget)


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


def _weighed(actions: Mapping[EventType | str, float] | None) -> tuple[tuple[str, float], ...]:
    return tuple((_name(event), worth) for event, worth in (actions or {}).items())


def _name(event: EventType | str) -> str:
    return declaration(event).name if isinstance(event, EventType) else event


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
    "embeddings": embeddings,
    "text": text,
    "repeats": repeats,
    "newcomers": newcomers,
}

FILTERS = {"seen": seen, "available": available}
