"""What a surface is, as plain data: its sources, its filters, how many items it shows.

The request itself, which reads this, is `surface.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from afresh.events.types import split_name
from afresh.features.trends import trend_name
from afresh.problems import Place, here
from afresh.rank.inputs import Inputs

Param = str | int | float | tuple[str, ...] | tuple[tuple[str, float], ...] | None


TRENDS = ("trending", "rising")
"""Sources that read a trend's window."""
SCORERS = ("blend", "learned")

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
class Exploration:
    """Slots at the end of a first page for what few have seen. shown, taken: features of items that
    count how often each was; "": nobody counts, and the least touched are drawn."""

    slots: int = 0
    shown: str = ""
    taken: str = ""


@dataclass(frozen=True, slots=True)
class Surface:
    """One place where recommendations are shown.

    n: how many, unless the caller says. scorer: `blend`, the sources' scores by their weights, or
    `learned`, a softmax over many scans and fresh terms that learns from each outcome. explore:
    the slots at the end of a first page that show what few have seen, by a draw whose
    probability is in the answer. title: the catalogue's text field by which reasons name an item.
    groups: lists beside the first page's. given: the numbers that a caller may say of the items of
    its list, by name, each with the user's feature that it is held against, "" for none.
    """

    name: str
    sources: tuple[Source, ...]
    filters: tuple[Filter, ...]
    n: int = 20
    scorer: str = "blend"
    explore: Exploration = Exploration()
    title: str | None = None
    groups: tuple[Grouping, ...] = ()
    place: Place = field(default_factory=here, compare=False)
    given: tuple[tuple[str, str], ...] = ()

    @property
    def inputs(self) -> Inputs:
        """What it brings to the columns of its ranker."""
        return Inputs(tuple(source.label for source in self.sources), self.given)

    @property
    def embedded(self) -> bool:
        """Whether it reads vectors learned from visits."""
        return any(source.name == "embeddings" for source in self.sources)
