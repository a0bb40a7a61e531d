"""What can be computed: count, total, mean, variance, minimum, maximum, distinct, ratio, last.

Each call only remembers what was written and where; `compile` gives it meaning
and reports every mistake together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from afresh.events.types import Bands, EventType, Field, HourOfDay
from afresh.features.durations import Duration
from afresh.features.window_declaration import Window
from afresh.problems import Place, here

By = Field | Bands | HourOfDay | str | int | bool | None
"""What a feature is split by. `Products.category` is a Field; a type checker sees its `str`."""


class Aggregate:
    """A value that some events add up to; the attribute it is assigned to names it."""

    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Tally(Aggregate):
    """A number merged from tiles: `fields` is empty for a count."""

    kind: Literal["count", "total", "mean", "variance", "min", "max", "distinct"]
    types: tuple[object, ...]
    fields: tuple[object, ...]
    by: object
    window: object
    place: Place = field(default_factory=here)


@dataclass(frozen=True, slots=True, eq=False)
class Ratio(Aggregate):
    """(a + alpha) / (b + beta)."""

    a: object
    b: object
    prior: object
    place: Place = field(default_factory=here)


@dataclass(frozen=True, slots=True, eq=False)
class Last(Aggregate):
    """The newest items a key touched."""

    types: tuple[object, ...]
    n: object
    within: Duration
    place: Place = field(default_factory=here)


def count(*types: EventType, by: By = None, window: Window) -> Tally:
    """How many events of these types; 0 of nothing. With `by`, one number a group."""
    return Tally("count", types, (), by, window)


def total(*fields: Field, by: By = None, window: Window) -> Tally:
    """The sum of a number field; 0 of nothing."""
    return _of_field("total", fields, by, window)


def mean(*fields: Field, by: By = None, window: Window) -> Tally:
    """The mean of a number field over the events that have one; null of nothing."""
    return _of_field("mean", fields, by, window)


def variance(*fields: Field, by: By = None, window: Window) -> Tally:
    """How far a number field strays from its mean, squared; null of nothing, 0 of one value.

    The population's variance, from exact integers: large numbers that lie close lose nothing.
    """
    return _of_field("variance", fields, by, window)


def minimum(*fields: Field, by: By = None, window: Window) -> Tally:
    """The smallest value of a number field; null of nothing."""
    return _of_field("min", fields, by, window)


def maximum(*fields: Field, by: By = None, window: Window) -> Tally:
    """The greatest value of a number field; null of nothing."""
    return _of_field("max", fields, by, window)


def distinct(*fields: Field, window: Window) -> Tally:
    """How many different values an id or a text field had; 0 of nothing.

    `distinct(view.user_id, window=sliding("1h"))` of an item: how many people looked at it, with a
    session of nobody known as one. Exact below 256; from there on an estimate with a standard
    error of 6 %.
    """
    return _of_field("distinct", fields, None, window)


def ratio(a: Tally, b: Tally, *, prior: tuple[float, float] = (0, 0)) -> Ratio:
    """(a + alpha) / (b + beta) of two counts or totals, with prior=(alpha, beta).

    The prior is what is believed before any event: (1, 50) says one in fifty.
    """
    return Ratio(a, b, prior)


def last(*types: EventType, n: int = 50, within: Duration = "90d") -> Last:
    """The last `n` items by event time over these event types, newest first."""
    return Last(types, n, within)


def _of_field(
    kind: Literal["total", "mean", "variance", "min", "max", "distinct"],
    fields: tuple[object, ...],
    by: object,
    window: object,
) -> Tally:
    """The event types of such an aggregate are the ones its fields were asked of."""
    types = tuple(f.owner for f in fields if isinstance(f, Field) and f.owner is not None)
    return Tally(kind, types, fields, by, window)
