"""One request, on one screen: query -> sources -> score -> filters -> arrange -> respond."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from functools import partial

import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.arrange.cursor import NOTHING, Shown
from afresh.arrange.expression import Scene
from afresh.arrange.listed import Listed
from afresh.arrange.rules import LONGEST, placed
from afresh.arrange.ruling import Ruling
from afresh.errors import NotFound
from afresh.problems import suggest
from afresh.rank.beside import beside
from afresh.rank.blend import Scored, blend
from afresh.rank.trained import Chosen
from afresh.request import Arranged as Arranged
from afresh.request import Item as Item
from afresh.request import Query as Query
from afresh.request import Weighed
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.context import context_of
from afresh.retrieve.exploration import Explored
from afresh.stages.budgets import Budgets, named_apart
from afresh.stages.examples import Examples, of_sources
from afresh.stages.exploring import Exploring
from afresh.stages.filters import Filters
from afresh.stages.given import NOTHING_SAID, GivenLists, Numbers, distinct
from afresh.stages.groups import Groups
from afresh.stages.reasons import Reasons
from afresh.stages.reranking import rerank
from afresh.stages.respond import items_of, rounded
from afresh.stages.sources import Sources
from afresh.store.replica import Replica
from afresh.surfaces.spec import Source, Surface

CANDIDATES = 540
"""The most candidates of a request, shared evenly among its sources; they overlap …"""
LEAST = 60
"""… and each may give at least so many."""
RANKED = 100_000
"""The most candidates a source gives when the caller names the items."""
REFRESHED = 256
"""Changed items that are embedded at a time while nobody waits."""
LOOKED = 50_000
"""How many items are looked at to fill a list that only caps keep short."""

_log = structlog.get_logger("afresh.surface")


class Surfaces:
    """Answers requests over one replica; the caller holds its lock."""

    def __init__(self, surfaces: tuple[Surface, ...], replica: Replica) -> None:
        self.by_name = {surface.name: surface for surface in surfaces}
        self._parts = {surface.name: _parts(surface) for surface in surfaces}
        self.beside = {each.name: beside(of_sources(each.sources)) for each in surfaces}
        self.replica = replica
        self.space = Workspace()
        self.budgets = Budgets()
        self.filters = Filters(replica, self.space, self.budgets)
        self.sources = Sources(replica, self.space)
        self.exploring = Exploring(replica, self.sources.newcomers)
        self.reasons = Reasons(replica, self.space)
        self.examples = Examples(self.sources, surfaces)
        self.rankers: Mapping[str, Chosen] = {}
        """The trained ranker of each surface that has one; replaced whole, by any thread."""
        self.lists = GivenLists(replica, self.space, self.sources, self.reasons)
        self.groups = Groups(replica, self.sources, self.reasons, self.budgets)

    def prepare(self) -> None:
        """Make what the first request would wait for; the caller holds the lock."""
        named = {source.name for each in self.by_name.values() for source in each.sources}
        texts = "embeddings" in named and self.sources.texts is not None
        if texts or named & {"preference", "text"}:
            self.sources.vectors.refresh()

    def tidy(self) -> None:
        """Work that requests would do bit by bit, while nobody waits for it."""
        if self.sources.has_vectors:
            self.sources.vectors.refresh(REFRESHED)

    def recommend(
        self, query: Query, now: int, shown: Shown = NOTHING, seed: int = 0,
        late: Collection[str] | None = None,
    ) -> Arranged:  # fmt: skip
        """The whole request. shown: what is on earlier pages; seed: of what is drawn;
        late: the parts to leave out, where time shall not decide.

        Raises NotFound for a surface that is not declared, BadRequest for rules that are wrong.
        """
        surface, out = self._surface(query, late), Arranged()
        n = min(surface.n if query.n is None else query.n, LONGEST - len(shown))
        ruling = Ruling(query.rules, Scene(self.replica.catalog, query.context, now), shown)
        context = self.context(query, now)
        scored = self._ranked(surface, context, share(surface), out)
        listed = self._listed(scored, surface, context, ruling, n, out)
        if len(listed) <= n:
            listed = self._filled(listed, scored, surface, context, ruling, n, out)
        explored = Explored.nothing()
        if surface.explore.slots and not len(shown):
            explored = self._explored(listed, surface, context, ruling, n, seed)
        self._page(listed, scored, surface, context, ruling, explored, n, out)
        if surface.groups and not len(shown):
            self.groups(surface, context, ruling, partial(self._kept, out=Arranged()), out)
        return out

    def rank(
        self, query: Query, item_ids: Sequence[str], now: int,
        late: Collection[str] | None = None, numbers: Numbers = NOTHING_SAID,
    ) -> Arranged:  # fmt: skip
        """The caller's items, each once, as the surface's ranker orders them, or its sources.

        Nothing is filtered. numbers: what the caller says of each item. Raises NotFound (surface)
        and BadRequest (numbers).
        """
        surface, out = self._surface(query, late), Arranged()
        given, context = self.lists.given(surface, item_ids, numbers), self.context(query, now)
        scored = self.scored(surface, context, RANKED, out)
        chosen = self.rankers.get(surface.name, Chosen())
        self.lists(surface, distinct(item_ids), given, scored, context, chosen, RANKED, out)
        return out

    def context(self, query: Query, now: int) -> Context:
        """Who asks: their latest items, up to now."""
        self.space.fit(self.replica.state)
        context = context_of(self.replica.state, query.user_id, query.session_id, now)
        context.said = query.context
        return context

    def shown(self, items: NDArray[np.int64]) -> NDArray[np.bool_]:
        """bool[n]: whether an item may be shown to anybody, as the first surface asks."""
        return self.filters.showable(items, next(iter(self.by_name.values())), Arranged())

    def _surface(self, query: Query, late: Collection[str] | None) -> Surface:
        surface = self.by_name.get(query.surface)
        if surface is None:
            hint = suggest(query.surface, self.by_name)
            raise NotFound(f"There is no surface {query.surface!r}.", hint=hint)
        self.budgets.begin(surface.name, late)
        return surface

    def _ranked(self, surface: Surface, context: Context, n: int, out: Arranged) -> Scored:
        """The candidates, scored; the best by a trained ranker."""
        scored, chosen = self.scored(surface, context, n, out), self.rankers.get(surface.name)
        if chosen is not None:
            rerank(chosen, scored, context, n, self.sources, out)
        return scored

    def scored(self, surface: Surface, context: Context, n: int, out: Arranged) -> Scored:
        """The candidates of all sources, at most n each, as the surface's own scorer has them."""
        labels, found = [source.label for source in surface.sources], []
        for part, failed, source in self._parts[surface.name]:
            work = partial(self.sources, source, context, n)
            made = self.budgets.guarded(part, failed, source.budget_ms, work, out)
            found.append(Candidates() if made is None else made)
            if self.replica.warming and self.sources.warms(source.name, source.trend):
                out.left_out(f"warming:{source.name}")
        if self.sources.unheard:
            out.left_out("vectors")
        scored = blend(found, [source.weight for source in surface.sources], self.space)
        if not len(scored.items):
            return scored
        out.weighed = Weighed(scored.items, scored.parts, np.ones(len(labels)), labels)
        if surface.scorer == "learned" and len(context.items):  # of nobody it has learned nothing
            try:
                known = self.beside[surface.name]
                out.weighed = self.sources.learned(scored, known, context, n)
            except Exception:
                _log.exception("scorer_failed", scorer=surface.scorer)
                out.left_out(f"scorer:{surface.scorer}")
                return scored
            out.model = "softmax"
        return scored

    def _listed(
        self, scored: Scored, surface: Surface, context: Context, ruling: Ruling, n: int,
        out: Arranged,
    ) -> Listed:  # fmt: skip
        """What may be shown, in its order, as far as a page of n can need it."""
        kept = self._kept(scored.items, surface, context, ruling, out)
        most = None if ruling.caps or ruling.diversity else n + 1 + surface.explore.slots
        return Listed.of(scored.items, ruling.boosted(scored.items, scored.scores), kept, most)

    def _kept(
        self, items: NDArray[np.int64], surface: Surface, context: Context, ruling: Ruling,
        out: Arranged,
    ) -> NDArray[np.bool_]:  # fmt: skip
        """bool[n]: which items the filters and the rules let pass."""
        kept = self.filters.keep(items, surface, context, out)
        for name, passed in ruling.judged(items):
            out.took(name, kept, passed)
        return kept

    def _filled(
        self, listed: Listed, scored: Scored, surface: Surface, context: Context,
        ruling: Ruling, n: int, out: Arranged,
    ) -> Listed:  # fmt: skip
        """Too few: whatever the catalogue has follows, newest first, at a score of zero; but for
        those judged already."""
        rest = np.flatnonzero(self.replica.catalog.present)[::-1]
        rest = rest[self.space.rows(scored.items, rest) < 0]
        looked, step = 0, 10 * n + 100
        while len(rest) and np.count_nonzero(ruling.capped(listed.items)) <= n:
            if looked > LOOKED and len(listed) > n:
                break
            more, rest = rest[:step], rest[step:]
            looked, step = looked + step, 8 * step
            listed = listed.and_then(more[self._kept(more, surface, context, ruling, out)])
        return listed

    def _explored(
        self, listed: Listed, surface: Surface, context: Context, ruling: Ruling, n: int, seed: int
    ) -> Explored:
        """New items for the page's last places, of those that may be shown and are not there."""
        slots, now = min(surface.explore.slots, n), ruling.scene.now
        pool = self.exploring.pool(surface.explore, now)
        kept = self._kept(pool, surface, context, ruling, Arranged())
        kept &= self.space.rows(listed.items[: n - slots], pool) < 0
        return self.exploring.draw(surface.explore, pool[kept], slots, now, seed)

    def _page(
        self, listed: Listed, scored: Scored, surface: Surface, context: Context,
        ruling: Ruling, explored: Explored, n: int, out: Arranged,
    ) -> None:  # fmt: skip
        """Variety, caps, then pins, then the items as they are sent."""
        if ruling.diversity is not None:
            listed = listed.take(ruling.order(listed.items, listed.scores, n))
        last = True
        if ruling.caps:
            room = ruling.capped(listed.items)
            out.lost("cap", len(room) - int(np.count_nonzero(room)))
            last = bool(room.all())  # what a cap holds back is for another page
            listed = listed.take(room)
        if len(explored.items):
            listed = listed.take(self.space.rows(explored.items, listed.items) < 0)
        pins = self._pins(surface, ruling)
        chances = zip(explored.items.tolist(), explored.propensities.tolist(), strict=True)
        drawn = {number: chance for number, chance in chances if number not in pins.values()}
        free = [at for at in range(n) if at not in pins]
        pins |= zip(free[-len(drawn) :] if drawn else (), drawn, strict=False)
        page, out.more = placed(
            listed.items[: n + 1].tolist(), pins, ruling.shown.begin, n, last=last
        )
        out.numbers = [number for number, _ in page]
        numbers = np.array(out.numbers, np.int64)
        out.rows = self.space.rows(scored.items, numbers).tolist()
        texts = self.replica.state.items.texts(numbers)
        organic = [text for text, (_, pinned) in zip(texts, page, strict=True) if not pinned]
        made = iter(items_of(organic, listed, scored, surface, "catalogue", context, self.reasons))
        for text, row, (number, pinned) in zip(texts, out.rows, page, strict=True):
            if not pinned:
                out.items.append(next(made))
            elif number in drawn:
                out.items.append(Item(text, 0.0, ["newcomers"], "New here", rounded(drawn[number])))
            else:
                score = rounded(scored.scores[row]) if row >= 0 else 0.0
                out.items.append(Item(text, score, ["pinned"], "Pinned by the request"))

    def _pins(self, surface: Surface, ruling: Ruling) -> dict[int, int]:
        """The items that the request pins, by position, as far as they may be shown."""
        positions, numbers = ruling.pinned()
        allowed = self.filters.showable(numbers, surface, Arranged())
        return dict(zip(positions[allowed].tolist(), numbers[allowed].tolist(), strict=True))


def _parts(surface: Surface) -> list[tuple[str, str, Source]]:
    """A surface's sources, each with the names it is left out by: when late, and when failed."""
    names = named_apart("source", tuple(source.label for source in surface.sources))
    pairs = zip(names, surface.sources, strict=True)
    return [(name, f"source:{source.name}", source) for name, source in pairs]


def new_request_id() -> str:
    """A random id, as 32 hex digits, that sorts roughly by time."""
    return f"{time.time_ns() // 1_000_000:012x}{uuid.uuid4().hex[:20]}"


def share(surface: Surface) -> int:
    """How many candidates each source of a surface may give."""
    return max(CANDIDATES // len(surface.sources), LEAST)
