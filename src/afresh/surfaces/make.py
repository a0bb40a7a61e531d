"""A surface as it is declared, with what was left out filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from afresh.problems import Place
from afresh.surfaces.declare import (
    SOURCES,
    neighbours,
    seen,
)
from afresh.surfaces.spec import (
    Exploration,
    Filter,
    Grouping,
    Source,
    Surface,
)

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
    explore: Exploration | int,
    title: str | None,
    groups: Sequence[Grouping],
    given: object,
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
        explore if isinstance(explore, Exploration) else Exploration(explore),
        title,
        tuple(groups),
        place,
        make_given(given),
    )


def make_given(said: object) -> tuple[tuple[str, str], ...]:
    """The numbers of a caller's list and what each is held against, as `given=` says them; what is
    no name stays and is reported later."""
    if isinstance(said, str) or not isinstance(said, Iterable):
        return ((said, ""),)  # type: ignore[return-value]
    pairs = said.items() if isinstance(said, Mapping) else ((name, "") for name in said)
    return tuple(pairs)
