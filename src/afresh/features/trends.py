"""Windows over which it can be asked what is popular, and what they are split by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from afresh.errors import DefinitionError
from afresh.events.types import Bands, EventType, Field, split_name
from afresh.features.durations import milliseconds
from afresh.features.layout import Layout, ReadNeed, SlotNeed
from afresh.features.plan import DAY_MS, Input, Window
from afresh.features.resolve import Names, failure
from afresh.features.window_declaration import compile_window, daily, sliding
from afresh.problems import Place, Problem, problem_of

DEFAULT_TRENDS = ("1h", "24h", "7d")
"""Kept for every app; surfaces can ask for more."""
USUAL = "7d"
"""The one that says what is usual, beside which it is told what rises."""


class Trending(NamedTuple):
    """A window that a surface names, as it is written there. by: what it is split by."""

    name: str
    place: Place
    by: object = None


class TrendNeed(NamedTuple):
    """A trend before families and slots are numbered."""

    name: str
    by: str
    read: ReadNeed


def trend_name(window: str, by: str) -> str:
    """What a trend is called: `7d`, or `7d by city`."""
    return f"{window} by {by}" if by else window


def trend_window(name: str) -> tuple[Window, int]:
    """The window of a length of time, and its reach in ms.

    Whole days from two on are daily; a shorter time slides, a day in half hours.
    Raises DefinitionError when it is not a length of time.
    """
    ms = milliseconds(name)
    if ms >= 2 * DAY_MS and ms % DAY_MS == 0:
        return compile_window(daily(ms // DAY_MS))
    return compile_window(sliding(ms, hop="30m" if ms == DAY_MS else None))


def trend_needs(
    names: Names, layout: Layout, weighted: tuple[int, ...], extra: Sequence[Trending]
) -> tuple[list[TrendNeed], list[Problem]]:
    """Popularity: the sum of event weights an item, over each window asked for, and what is wrong.

    weighted: the codes of the event types that have a weight.
    """
    asked = [*(Trending(name, Place()) for name in DEFAULT_TRENDS), *extra]
    needs: dict[str, TrendNeed] = {}
    problems: list[Problem] = []
    for trend in asked:
        try:
            window = trend_window(trend.name)
            split, types = None, weighted
            if trend.by is not None:
                split, types = _split(names, weighted, trend)
            by = "" if split is None else split_name(trend.by)
            slot = SlotNeed("weight", types)
            need = TrendNeed(
                trend_name(trend.name, by), by, layout.need_read("item_id", split, slot, *window)
            )
            if needs.setdefault(need.name, need) != need:
                hint = "A request says one value for it: split both alike."
                raise failure(f"The trend {need.name} is split in two ways", hint, trend.place)
        except DefinitionError as error:
            found = problem_of(error)
            place = Place(found.file, found.line) if found.file else trend.place
            problems.append(Problem(*place, found.message, found.hint))
    return list(needs.values()), problems


def _split(
    names: Names, weighted: tuple[int, ...], trend: Trending
) -> tuple[Input, tuple[int, ...]]:
    """The input that splits a trend, and the types of the events that can have a value of it."""
    by, place = trend.by, trend.place
    field = by.field if isinstance(by, Bands) else by
    if not isinstance(field, Field) or not isinstance(field.owner, EventType):
        return names.group(by, (), place), weighted
    split = names.group(by, names.codes((field.owner,), place), place)
    if split.name == "value" or split.name.startswith("item.") or split.fallback:
        return split, weighted
    types = tuple(code for code in names.carriers(split.name) if code in weighted)
    if not types:
        hint = "Declare it on what people do, with a weight."
        raise failure(f"No event that has a weight carries {split.name}", hint, place)
    return split, types
