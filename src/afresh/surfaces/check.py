"""What can be wrong with a surface: unknown sources, filters, features, fields, events."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from afresh.errors import DefinitionError
from afresh.events.types import HourOfDay
from afresh.features.check import check_name
from afresh.features.durations import is_number, is_whole, milliseconds
from afresh.features.plan import DAY_MS, Plan
from afresh.problems import Place, Problem, problem_of, suggest
from afresh.surfaces.declare import (
    FILTERS,
    SOURCES,
)
from afresh.surfaces.spec import (
    SCORERS,
    Filter,
    Grouping,
    Source,
    Surface,
    budget_ms,
)

MAX_N = 1000
MAX_GROUPS, MAX_GROUPED = 10, 50
"""Groups of a grouping, and items of a group."""
MAX_GIVEN = 16
"""Numbers that a caller may say of an item."""


def check_surfaces(surfaces: Sequence[Surface], plan: Plan) -> Iterator[Problem]:
    """Every mistake in the surfaces of an app whose features compile to `plan`."""
    names: set[str] = set()
    for surface in surfaces:
        yield from check_name(surface.name, "a surface", surface.place)
        if surface.name in names:
            message = f"The surface {surface.name!r} is declared twice"
            yield Problem(*surface.place, message, "Remove one.")
        names.add(surface.name)
        n = surface.n
        if not is_whole(n) or not 1 <= n <= MAX_N:
            hint = f"Take a whole number from 1 to {MAX_N}."
            yield Problem(*surface.place, f"{surface.name} cannot show n={n!r} items", hint)
        if surface.scorer not in SCORERS:
            message = f"{surface.name} names an unknown scorer {surface.scorer!r}"
            yield Problem(*surface.place, message, suggest(surface.scorer, SCORERS))
        explore = surface.explore.slots
        if not is_whole(explore) or not 0 <= explore <= (n if is_whole(n) else MAX_N):
            hint = "Take a whole number from 0 to n."
            yield Problem(*surface.place, f"{surface.name} cannot explore={explore!r} slots", hint)
        yield from _counted(surface, plan)
        yield from _given(surface, plan)
        yield from _title(surface, plan)
        for grouping in surface.groups:
            yield from _grouping(grouping, surface, plan)
        if not surface.sources:
            message = f"{surface.name} has no sources, so it can show nothing"
            yield Problem(*surface.place, message, f"Name some of {', '.join(SOURCES)}.")
        for source in surface.sources:
            yield from _source(source, surface, plan)
        for filter_ in surface.filters:
            yield from _filter(filter_, surface, plan)


def _counted(surface: Surface, plan: Plan) -> Iterator[Problem]:
    """What Thompson sampling reads has to count, by item."""
    known = {f.name for f in plan.features if f.key == "item_id" and f.kind == "count"}
    for name in (surface.explore.shown, surface.explore.taken):
        if name and name not in known:
            message = f"{surface.name} explores by {name!r}, which counts nothing of items"
            hint = suggest(name, known) or "Declare it: shown = count(impression, window=daily(30))"
            yield Problem(*surface.place, message, hint)


def _given(surface: Surface, plan: Plan) -> Iterator[Problem]:
    """Numbers of a caller's list are named apart, and held against one number of a user."""
    place, names = surface.place, [name for name, _ in surface.given]
    if len(names) > MAX_GIVEN:
        message = f"{surface.name} is given {len(names)} numbers of an item"
        yield Problem(*place, message, f"Name at most {MAX_GIVEN}.")
    for name in names:
        yield from check_name(name, "a number that is given", place)
    for name in {str(name) for name in names if names.count(name) > 1}:
        yield Problem(*place, f"{surface.name} is given {name!r} twice", "Remove one.")
    known = {f.name for f in plan.features if f.key == "user_id" and f.is_number}
    for name, against in surface.given:
        if against != "" and against not in known:
            message = f"{surface.name} holds {name!r} against {against!r}, no number of a user"
            hint = (
                suggest(str(against), known)
                or "Declare it: paid = mean(buy.price, window=daily(30))"
            )
            yield Problem(*place, message, hint)


def _grouping(grouping: Grouping, surface: Surface, plan: Plan) -> Iterator[Problem]:
    place = grouping.place
    bounds = {"n": MAX_GROUPS, "items": MAX_GROUPED, "least": grouping.items}
    for name, most in bounds.items():
        given = getattr(grouping, name)
        if not is_whole(given) or not 1 <= given <= (most if is_whole(most) else MAX_GROUPED):
            hint = f"Take a whole number from 1 to {most}."
            yield Problem(*place, f"{grouping.name} has {name}={given!r}", hint)
    if grouping.by is not None:
        yield from _text_field(grouping.by, grouping.name, place, plan)


def _title(surface: Surface, plan: Plan) -> Iterator[Problem]:
    if surface.title is not None:
        yield from _text_field(surface.title, "title", surface.place, plan)


def _text_field(name: str, what: str, place: Place, plan: Plan) -> Iterator[Problem]:
    kinds = {field.name: field.kind for field in plan.catalog.fields}
    texts = [field for field, kind in kinds.items() if kind == "str"]
    if name in texts:
        return
    message = f"{plan.catalog.name or 'The catalogue'} has no field {name!r}"
    if name in kinds:
        message = f"{what} needs a text field; {name} is {kinds[name]}"
    yield Problem(*place, message, suggest(name, texts))


def _source(source: Source, surface: Surface, plan: Plan) -> Iterator[Problem]:
    place = source.place
    if source.name not in SOURCES:
        message = f"{surface.name} names an unknown source {source.name!r}"
        yield Problem(*place, message, suggest(source.name, SOURCES))
        return
    weight = source.weight
    if not is_number(weight) or not math.isfinite(weight) or weight < 0:
        message = f"The weight of {source.name} is {weight!r}"
        yield Problem(*place, message, "Weights are numbers from 0 up.")
    yield from _budget(source)
    for name in ("depth", "n"):
        n = source.params.get(name, 1)
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            yield Problem(*place, f"{source.name} has {name}={n!r}", "Take a number from 1 up.")
    to = source.params.get("to")
    if to:
        known = {f.name for f in plan.features if f.kind == "last"}
        if to not in known:
            message = f"similar({to!r}) names no feature made by last(...)"
            yield Problem(*place, message, suggest(str(to), known))
    if source.name == "rising":
        yield from _rising(source)
    if source.name in ("preference", "embeddings"):
        yield from _preference(source, plan)


def _budget(part: Source | Filter) -> Iterator[Problem]:
    try:
        budget_ms(part.budget)
    except ValueError as error:
        yield Problem(*part.place, f"{part.name}: {error}", 'Write "5ms" or "0.1s".')


def _rising(source: Source) -> Iterator[Problem]:
    try:
        long = milliseconds(source.params["window"]) > DAY_MS
    except DefinitionError:
        return  # said of the trend
    if long:
        message = f"rising({source.params['window']!r}) cannot be told from what is usual in a week"
        yield Problem(*source.place, message, "Take a window of a day at most.")
    if isinstance(source.by, HourOfDay):
        hint = 'Split it by a field; trending("28d", by=hour_of_day()) is what trends at an hour.'
        yield Problem(*source.place, "An hour of day has no usual of its own", hint)


def _preference(source: Source, plan: Plan) -> Iterator[Problem]:
    """Actions have to be declared, weighed by numbers, and kept in a list of the visitor's."""
    place = source.place
    try:
        milliseconds(source.params.get("half_life", "1d"))
    except DefinitionError as error:
        found = problem_of(error)
        yield Problem(*place, f"The half-life of {source.name}: {found.message}", found.hint)
    actions: Any = source.params.get("actions", ())
    codes = {event.name: code for code, event in enumerate(plan.events)}
    lists = [s.types for s in plan.sequences if s.key in ("user_id", "session_id")]
    kept = {code for types in (plan.postings.types, *lists) for code in types}
    for name, weight in actions:
        if name not in codes:
            message = f"{source.name} names an unknown event type {name!r}"
            yield Problem(*place, message, suggest(name, codes))
        elif codes[name] not in kept:
            message = f"{source.name} weighs {name}, but no list keeps what was done"
            hint = f"Add to the features of user_id or session_id: last({name}, n=50)."
            yield Problem(*place, message, hint)
        if not is_number(weight) or not math.isfinite(weight):
            message = f"{source.name} weighs {name} as {weight!r}"
            yield Problem(*place, message, "Take a number; below zero it pushes away.")


def _filter(filter_: Filter, surface: Surface, plan: Plan) -> Iterator[Problem]:
    place = filter_.place
    if filter_.name not in FILTERS:
        message = f"{surface.name} names an unknown filter {filter_.name!r}"
        yield Problem(*place, message, suggest(filter_.name, FILTERS))
    yield from _budget(filter_)
    events = filter_.params.get("events")
    known = {event.name for event in plan.events}
    for event in events if isinstance(events, tuple) else ():
        if event not in known:
            message = f"seen names an unknown event type {event!r}"
            yield Problem(*place, message, suggest(event, known))
    if filter_.name == "available":
        name = str(filter_.params.get("field"))
        fields = {field.name: field.kind for field in plan.catalog.fields}
        flags = {field for field, kind in fields.items() if kind == "bool"}
        if name not in fields:
            message = f"{plan.catalog.name} has no field {name!r}"
            yield Problem(*place, message, suggest(name, flags))
        elif name not in flags:
            message = f"available needs a bool field; {name} is {fields[name]}"
            yield Problem(*place, message, suggest(name, flags))
