"""The segment of a trend that a request is about: a city, a category, an hour of day."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from afresh.errors import BadRequest
from afresh.events.types import HOUR_OF_DAY
from afresh.features.columns import HOUR_MS, fixed_labels
from afresh.features.engines.embedded import State
from afresh.features.plan import Input, Trend
from afresh.features.trends import trend_name

NOT_SAID = 0
"""The group of events without a value: no segment."""
UNHEARD_OF = -1
"""A value that no event had."""


def segment(state: State, trend: Trend, said: Mapping[str, str | float], now: int) -> int:
    """The group that a request's context says of a split trend, by its number.

    An hour of day is that of `now`, UTC ms, unless the context says one. NOT_SAID where the
    context says nothing, or nothing that fits, such as a text for a number.
    """
    assert trend.split is not None
    source, value = state.plan.inputs[trend.split], said.get(trend.by)
    if source.kind == "hour":
        hour = _number((now + source.offset) // HOUR_MS % 24 if value is None else value)
        return 1 + int(hour) if 0 <= hour < 24 else NOT_SAID
    if value is None:
        return NOT_SAID
    if source.bands:
        return _band(source, _number(value))
    name = value if isinstance(value, str) else f"{value:.0f}" if value % 1 == 0 else ""
    if not name:
        return NOT_SAID
    found = state.groups[trend.split].find_one(name)
    return 1 + found if found >= 0 else UNHEARD_OF


def in_words(state: State, trend: Trend, group: int) -> str:
    """A segment, as it follows "Popular" and "More than usual"."""
    assert trend.split is not None
    if trend.by == HOUR_OF_DAY and state.plan.inputs[trend.split].kind == "hour":
        return f"from {group - 1:02}:00 to {group % 24:02}:00"
    fixed = fixed_labels(state.plan.inputs[trend.split])
    label = state.groups[trend.split].text(group - 1) if fixed is None else fixed[group - 1]
    return f"where {trend.by} is {label}"


class Asked(NamedTuple):
    """What a question about a window is about: a trend by its name, what it is split by, the number
    of its segment, 0 of the whole, and that in words; and the `rest` of what was said."""

    trend: str
    by: str
    group: int
    words: str
    rest: Mapping[str, str]


def segment_asked(
    state: State, trends: Sequence[Trend], window: str, where: Mapping[str, str], now: int
) -> Asked:
    """What is asked about a window by a question that says what things are, `where`: about the
    segment of the first name by which one of `trends` is split; without such a name the whole.

    Raises BadRequest for a value that cannot be one.
    """
    names = {t.by: t.name for t in trends if t.by and t.name == trend_name(window, t.by)}
    by = next((name for name in where if name in names), None)
    if by is None:
        return Asked(window, "", 0, "", where)
    rest = {name: value for name, value in where.items() if name != by}
    trend = next((t for t in state.plan.trends if t.name == names[by]), None)
    if trend is None:  # its facts warm
        return Asked(names[by], by, UNHEARD_OF, "", rest)
    group = segment(state, trend, {by: where[by]}, now)
    if group == NOT_SAID:
        message = f"{where[by]!r} is no value of {by}."
        raise BadRequest(message, path=f"$.{by}", code="bad_parameter")
    words = in_words(state, trend, group) if group > 0 else ""
    return Asked(trend.name, by, group, words, rest)


def _number(value: str | float) -> float:
    """NaN for a text that is no number."""
    try:
        return float(value)
    except ValueError:
        return math.nan


def _band(source: Input, number: float) -> int:
    if not math.isfinite(number):
        return NOT_SAID
    edges = np.array(source.bands) / 10.0**source.places
    return 1 + int(np.count_nonzero(number >= edges))
