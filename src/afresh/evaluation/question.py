"""A question to a surface: the code that serves, asked at a moment, and what each source found.

The state may be behind what the visitor did. What it has not folded then reaches the request as
facts that no list has: the context is whole, and the index is as old as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from afresh.arrange.rules import LONGEST, Rules
from afresh.errors import NotFound
from afresh.evaluation.stream import Rows, Stream
from afresh.evaluation.wanted import Wanted
from afresh.events.batch import join
from afresh.features.columns import type_table
from afresh.problems import suggest
from afresh.rank.trained import Chosen, Ranker
from afresh.request import Query
from afresh.retrieve import Candidates, Context
from afresh.retrieve.context import context_of
from afresh.stages.sources import Sources
from afresh.store.replica import Replica
from afresh.surface import Surfaces
from afresh.surfaces.spec import Exploration, Source, Surface


class HeardSources(Sources):
    """Remembers what each source of the last request found. found: its id() -> items int64[n]."""

    found: dict[int, NDArray[np.int64]]

    def __call__(self, source: Source, context: Context, n: int) -> Candidates:
        candidates = super().__call__(source, context, n)
        self.found[id(source)] = candidates.items
        return candidates


class _Asked(Surfaces):
    """Surfaces that are told who asks."""

    given: Context

    def context(self, query: Query, now: int) -> Context:
        self.space.fit(self.replica.state)
        self.given.said = query.context
        return self.given


@dataclass(slots=True)
class Shown:
    """What came back. items: their ids, best first; found: for each source of the surface the
    numbers of its candidates, int64[n]; left_out: parts that failed."""

    items: list[str]
    found: list[NDArray[np.int64]]
    left_out: list[str]


def judged_surface(surfaces: tuple[Surface, ...], wanted: Wanted) -> Surface:
    """The surface without what is not a recommendation: no draws, no lists beside it.

    Raises NotFound when there is none of that name.
    """
    named = {surface.name: surface for surface in surfaces}
    found = named.get(wanted.surface)
    if found is None:
        hint = suggest(wanted.surface, named)
        raise NotFound(f"There is no surface {wanted.surface!r}.", hint=hint)
    filters = tuple(f for f in found.filters if not (wanted.show_seen and f.name == "seen"))
    return replace(found, explore=Exploration(), groups=(), filters=filters)


class Asker:
    """Asks one surface over a replica that follows a stream, or is behind it. ranker: the trained
    one that orders its lists, if one does."""

    def __init__(
        self, surface: Surface, replica: Replica, stream: Stream, wanted: Wanted,
        ranker: Ranker | None = None,
    ) -> None:  # fmt: skip
        self.surface, self.replica, self.stream, self.wanted = surface, replica, stream, wanted
        self.surfaces = _Asked((surface,), replica)
        self.heard = HeardSources(replica, self.surfaces.space)
        self.heard.found = {}
        self.surfaces.sources = self.surfaces.examples.sources = self.heard
        self.surfaces.rankers = {surface.name: Chosen(ranker)}
        self.surfaces.prepare()
        self._kinds = type_table(stream.batch.types, replica.plan)[stream.batch.type]
        self._ids = {name: stream.batch.strings(name) for name in ("event_id", "item_id")}
        self._facts: dict[int, int] = {}
        self._generation = replica.generation

    def context(
        self, user: str | None, session: str | None, person_rows: Rows, session_rows: Rows, now: int
    ) -> Context:
        """Who asks at `now`, UTC ms. The rows: what they did that the state has not folded."""
        late = None
        if len(person_rows) or len(session_rows):
            late = self.facts(person_rows), self.facts(session_rows)
        return context_of(self.replica.state, user, session, now - self.wanted.context_lag, late)

    def __call__(
        self, user: str | None, session: str | None, context: Context, hidden: list[str],
        said: dict[str, str | float] | None = None,
    ) -> Shown:  # fmt: skip
        """The list for a context. hidden: ids that the request excludes; said: its `context`."""
        self.heard.found, self.surfaces.given = {}, context
        rules = Rules(exclude=hidden[-LONGEST:]) if hidden else None
        query = Query(
            surface=self.wanted.surface, user_id=user, session_id=session, n=self.wanted.depth,
            rules=rules, context=said or {},
        )  # fmt: skip
        arranged = self.surfaces.recommend(query, context.now, late=())
        nothing = np.empty(0, np.int64)
        found = [self.heard.found.get(id(source), nothing) for source in self.surface.sources]
        return Shown([item.item_id for item in arranged.items], found, arranged.degraded)

    def facts(self, rows: Rows) -> Rows:
        """Rows of the stream as rows of facts, added where no list has them."""
        if not len(rows):
            return rows
        if self._generation != self.replica.generation:  # a sweep has dropped and moved them
            self._facts, self._generation = {}, self.replica.generation
        new = [row for row in rows.tolist() if row not in self._facts]
        if new:
            self._add(new)
        found = np.array([self._facts[row] for row in rows.tolist()], np.int64)
        return found[found >= 0]

    def _add(self, rows: list[int]) -> None:
        state, stream, at = self.replica.state, self.stream, np.array(rows)
        texts = {name: join(ids[row] for row in rows) for name, ids in self._ids.items()}
        items = state.items.intern(texts["item_id"], len(rows))
        # Whose they are is known to the request; no session has them.
        nobody = np.zeros(len(rows), np.int64)
        order, added = state.facts.append(
            stream.ts[at], self._kinds[at], texts["event_id"], items, nobody,
            state.newest - state.facts_within,
        )  # fmt: skip
        said = at if order is None else at[order]
        self._facts.update(zip(said.tolist(), added.tolist(), strict=True))
