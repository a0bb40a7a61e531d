"""What is asked of a surface, and what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numba
import numpy as np
from numpy.typing import NDArray

from afresh.arrange.rules import Rules


class Query(msgspec.Struct, kw_only=True):
    """Who asks for what. after: a token whose events the answer must reflect; context: what
    `context.name` is in filter expressions; cursor: of the answer that this one goes on from;
    as_of: the moment, UTC ms, as of which the log is asked."""

    surface: str = "home"
    user_id: str | None = None
    session_id: str | None = None
    n: int | None = None
    after: str | None = None
    context: dict[str, str | float] = {}
    rules: Rules | None = None
    cursor: str | None = None
    as_of: int | None = None


class Item(msgspec.Struct):
    """One recommended item, why, and from which sources. propensity: how probable it was that
    its place went to it; below 1 where a draw decided."""

    item_id: str
    score: float
    sources: list[str]
    reason: str
    propensity: float = 1.0


class Group(msgspec.Struct):
    """A list of its own beside the page's items. item_id: the item that it is about, if one."""

    title: str
    item_id: str | None
    items: list[Item]


class Answer(msgspec.Struct):
    """An answer and what it rests on. freshness_ms: how long the newest events took from
    the writer's hands into the state; fresh: whether what `after` names is in it."""

    request_id: str
    items: list[Item]
    offset: str
    fresh: bool
    freshness_ms: float
    model: str
    variant: str | None
    degraded: list[str]
    groups: list[Group] = []
    """Lists beside `items`, where the surface has such."""
    cursor: str | None = None
    """What the next page is asked with; null when the list has ended."""


@dataclass(slots=True)
class Weighed:
    """What the scorer made of each candidate: items int64[n]; terms float64[n, names], each of
    which adds as much to the score as it counts by its weight, float64[names]."""

    items: NDArray[np.int64]
    terms: NDArray[np.floating[Any]]
    weights: NDArray[np.float64]
    names: Sequence[str]

    def of(self, rows: NDArray[np.int64]) -> Weighed:
        """Of some candidates alone; of row -1 every term is zero."""
        items, terms = _picked(self.items, self.terms, rows)
        return Weighed(items, terms, self.weights, self.names)

    def added(self) -> list[list[float]]:
        """What each term adds to each candidate's score."""
        made: list[list[float]] = (self.terms * self.weights).tolist()
        return made


@dataclass(slots=True)
class Arranged:
    """What a surface shows: `numbers` are those of the items, and `rows` where each stands among
    the candidates that were weighed, -1 for one that was none. groups: lists beside the items, and
    `beside` the numbers of theirs.

    degraded: the parts that had to be left out, or warm; removed: how many candidates each
    filter and rule took away; more: whether another page would hold anything; model: what
    scored the candidates, and weighed: how.
    """

    items: list[Item] = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)
    removed: dict[str, int] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    beside: list[int] = field(default_factory=list)
    more: bool = False
    model: str = "blend"
    weighed: Weighed | None = field(default=None, compare=False)

    def left_out(self, part: str) -> None:
        """A part failed, or has not got its facts yet."""
        if part not in self.degraded:
            self.degraded.append(part)

    def took(self, name: str, kept: NDArray[np.bool_], passed: NDArray[np.bool_]) -> None:
        """Of what was kept before it, bool[n], a filter let some pass: from now on those are."""
        self.lost(name, int(_narrowed(kept, passed)))

    def lost(self, name: str, gone: int) -> None:
        """A filter or rule took so many candidates away."""
        if gone:
            self.removed[name] = self.removed.get(name, 0) + gone


@numba.njit(cache=True, nogil=True)
def _picked(items, terms, rows):  # type: ignore[no-untyped-def]
    """Items int64[k] and terms float64[k, names] at rows int64[k]; at row -1 none, of zeros."""
    out, picked = np.full(len(rows), -1, np.int64), np.zeros((len(rows), terms.shape[1]))
    for at in range(len(rows)):
        if rows[at] >= 0:
            out[at] = items[rows[at]]
            picked[at] = terms[rows[at]]
    return out, picked


@numba.njit(cache=True, nogil=True)
def _narrowed(kept, passed):  # type: ignore[no-untyped-def]
    """kept &= passed, both bool[n]; returns how many of the kept are gone."""
    gone = 0
    for at in range(len(kept)):
        gone += kept[at] and not passed[at]
        kept[at] &= passed[at]
    return gone
