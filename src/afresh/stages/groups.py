"""Groups: lists beside a page's, each about something, which show nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from afresh.arrange.ruling import Ruling
from afresh.request import Arranged, Group, Item
from afresh.retrieve import Candidates, Context
from afresh.retrieve.rules import rules
from afresh.stages.budgets import Budgets, named_apart
from afresh.stages.reasons import Reasons
from afresh.stages.respond import rounded
from afresh.stages.sources import Sources
from afresh.store.replica import Replica
from afresh.surfaces.spec import Grouping, Source, Surface

LEADERS = 1000
"""How many of a trend's leaders are dealt out to groups."""
SPARE = 200
"""Candidates of a group beyond those that it shows."""


Keep = Callable[..., NDArray[np.bool_]]
"""Which items the filters and rules let pass: Surfaces._kept."""
Found = tuple[str, int, Source, Context, Candidates]
"""A group as it is found: its title, the number of its item or -1, what found its candidates."""


class Groups:
    """Makes the groups of a page, over one replica; the caller holds its lock."""

    def __init__(
        self, replica: Replica, sources: Sources, reasons: Reasons, budgets: Budgets
    ) -> None:
        self.replica, self.sources, self.reasons = replica, sources, reasons
        self.budgets = budgets

    def __call__(
        self, surface: Surface, context: Context, ruling: Ruling, keep: Keep, out: Arranged
    ) -> None:
        """Add a surface's groups to its page. One that fails, or is late, is left out and named."""
        names = named_apart("group", tuple([grouping.name for grouping in surface.groups]))
        for part, grouping in zip(names, surface.groups, strict=True):
            work = partial(self._add, grouping, surface, context, ruling, keep, out)
            self.budgets.guarded(part, part, None, work, out)

    def _add(
        self, grouping: Grouping, surface: Surface, context: Context, ruling: Ruling, keep: Keep,
        out: Arranged,
    ) -> None:  # fmt: skip
        """The groups of one kind."""
        made = 0
        found = self._because if grouping.name == "because" else self._trending_in
        for title, about, source, asked, candidates in found(grouping, surface, context):
            taken = np.array(out.numbers + out.beside, np.int64)
            items, scores = candidates.items, candidates.scores
            kept = keep(items, surface, context, ruling) & ~np.isin(items, taken)
            items, scores = items[kept], scores[kept]
            if ruling.caps:  # they hold for the page and its groups together; a pin is exempt
                before = taken[~np.isin(taken, ruling.pins[1])]
                room = ruling.capped(np.concatenate([before, items]))[len(before) :]
                items, scores = items[room], scores[room]
            items, scores = items[: grouping.items], scores[: grouping.items]
            if len(items) < grouping.least:
                continue
            state = self.replica.state
            said = self.reasons(items, [source] * len(items), surface, asked)
            texts = zip(state.items.texts(items), scores.tolist(), said, strict=True)
            listed = [Item(text, rounded(score), [source.name], why) for text, score, why in texts]
            item_id = state.items.text(about) if about >= 0 else None
            out.groups.append(Group(title, item_id, listed))
            out.beside += items.tolist()
            made += 1
            if made == grouping.n:
                return

    def _because(self, grouping: Grouping, surface: Surface, context: Context) -> Iterator[Found]:
        """What is near each of the visitor's latest items, the latest first."""
        space, state = self.sources.space, self.replica.state
        for item in context.items.tolist():
            asked = replace(context, items=np.array([item], np.int64))
            found = rules(state, asked, space, n=grouping.items + SPARE)
            title = f"Because you looked at {self.reasons.name(item, surface)}"
            yield title, item, Source("similar", place=grouping.place), asked, found

    def _trending_in(
        self, grouping: Grouping, surface: Surface, context: Context
    ) -> Iterator[Found]:
        """The leaders of a window by a field's value, the value that trends most first."""
        window, field = str(grouping.window), str(grouping.by)
        source = Source("trending", params={"window": window}, place=grouping.place)
        catalog = self.replica.catalog
        found = self.sources.trending.top(window, context.now, LEADERS)
        values = catalog.take(field, found.items).astype(np.int64)
        worth = np.bincount(values[values >= 0], found.scores[values >= 0])
        for value in np.argsort(-worth, kind="stable").tolist():
            here = values == value
            if not here.any():
                return
            title = f"Trending in {catalog.labels[field].text(value)}"
            yield title, -1, source, context, Candidates(found.items[here], found.scores[here])
