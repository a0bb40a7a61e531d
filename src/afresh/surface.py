"""One request, on one screen: query -> sources -> score -> filters -> arrange -> respond."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.arrange.cursor import NOTHING
from afresh.arrange.expression import Scene
from afresh.arrange.rules import LONGEST, placed
from afresh.arrange.ruling import Ruling
from afresh.errors import NotFound
from afresh.problems import suggest
from afresh.rank.blend import Scored, blend
from afresh.rank.terms import TERMS
from afresh.request import Arranged as Arranged
from afresh.request import Item as Item
from afresh.request import Query as Query
from afresh.request import Weighed
from afresh.retrieve import Candidates, Context
from afresh.retrieve.context import context_of
from afresh.retrieve.exploration import Explored, explore
from afresh.store.replica import Replica
from afresh.surface_filters import Filters
from afresh.surface_sources import REASONS, Sources
from afresh.surface_spec import Source, Surface

CANDIDATES = 1500
"""The most candidates of a request, shared evenly among its sources; they overlap …"""
LEAST = 100
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
        self.replica = replica
        self.filters = Filters(replica)
        self.sources = Sources(replica)

    def prepare(self) -> None:
        """Make what the first request would wait for; the caller holds the lock."""
        named = {source.name for each in self.by_name.values() for source in each.sources}
        if named & {"preference", "text"}:
            self.sources.vectors.refresh()

    def tidy(self) -> None:
        """Work that requests would do bit by bit, while nobody waits for it."""
        if self.sources.has_vectors:
            self.sources.vectors.refresh(REFRESHED)

    def recommend(
        self, query: Query, now: int, shown: NDArray[np.uint64] = NOTHING, seed: int = 0
    ) -> Arranged:
        """The whole request. shown: hashes of the ids on earlier pages; seed: of what is drawn.

        Raises NotFound for a surface that is not declared, BadRequest for rules that are wrong.
        """
        surface, out = self._surface(query), Arranged()
        n = min(surface.n if query.n is None else query.n, LONGEST - len(shown))
        ruling = Ruling(query.rules, Scene(self.replica.catalog, query.context, now), shown)
        context = self.context(query, now)
        scored = self._scored(surface, context, share(surface), out)
        listed = self._listed(scored, surface, query, ruling, out)
        if len(listed.items) <= n:
            listed = self._filled(listed, scored.items, surface, query, ruling, n, out)
        explored = Explored.nothing()
        if surface.explore and not len(shown):
            explored = self._explored(listed, surface, query, ruling, n, seed)
        return self._page(listed, scored, surface, ruling, explored, n, out)

    def rank(self, query: Query, item_ids: Sequence[str], now: int) -> Arranged:
        """The caller's items, each once, as the surface's sources would order them.

        Nothing is filtered. What no source has found follows in the order given.
        """
        surface, out = self._surface(query), Arranged()
        given = list(dict.fromkeys(item_ids))
        numbers = self.replica.state.items.find_texts(given)
        scored = self._scored(surface, self.context(query, now), RANKED, out)
        scored = scored.keep(np.isin(scored.items, numbers))
        place = {int(number): at for at, number in enumerate(numbers) if number >= 0}
        order = [place[int(number)] for number in scored.items]
        out.items = [
            self._item(given[at], row, scored, surface, "request") for row, at in enumerate(order)
        ]
        found = set(order)
        rest = [at for at in range(len(given)) if at not in found]
        reason = REASONS["request"](surface.sources[0])
        out.items += [Item(given[at], 0.0, ["request"], reason) for at in rest]
        out.numbers = [int(numbers[at]) for at in order + rest]
        return out

    def context(self, query: Query, now: int) -> Context:
        """Who asks: their latest items, up to now."""
        return context_of(self.replica.state, query.user_id, query.session_id, now)

    def shown(self, items: NDArray[np.int64]) -> NDArray[np.bool_]:
        """bool[n]: whether an item may be shown to anybody, as the first surface asks."""
        return self.filters.showable(items, next(iter(self.by_name.values())), Arranged())

    def _surface(self, query: Query) -> Surface:
        surface = self.by_name.get(query.surface)
        if surface is None:
            hint = suggest(query.surface, self.by_name)
            raise NotFound(f"There is no surface {query.surface!r}.", hint=hint)
        return surface

    def _scored(self, surface: Surface, context: Context, n: int, out: Arranged) -> Scored:
        """The candidates of all sources, scored."""
        found = [self._guarded(source, context, n, out) for source in surface.sources]
        scored = blend(found, [source.weight for source in surface.sources])
        labels = [source.label for source in surface.sources]
        out.weighed = Weighed(scored.items, labels, scored.parts)
        if surface.scorer == "learned" and len(scored.items):
            try:
                scores, terms = self.sources.learned(scored.items, context, n)
            except Exception:
                _log.exception("scorer_failed", scorer=surface.scorer)
                out.left_out(f"scorer:{surface.scorer}")
                return scored
            out.weighed, out.model = Weighed(scored.items, list(TERMS), terms), "softmax"
            scored = Scored(scored.items, scores, scored.parts)
            order = np.lexsort((scored.items, -scores))
            scored = Scored(scored.items[order], scores[order], scored.parts[order])
        return scored

    def _guarded(self, source: Source, context: Context, n: int, out: Arranged) -> Candidates:
        """A source's candidates; one that fails is left out and named."""
        try:
            return self.sources(source, context, n)
        except Exception:
            _log.exception("source_failed", source=source.name)
            out.left_out(f"source:{source.name}")
            return Candidates()

    def _listed(
        self, scored: Scored, surface: Surface, query: Query, ruling: Ruling, out: Arranged
    ) -> Scored:
        """What may be shown, in its order."""
        kept = self.filters.keep(scored.items, surface, query, out)
        for name, passed in ruling.judged(scored.items):
            out.took(name, passed[kept])
            kept &= passed
        scored = scored.keep(kept)
        scores = ruling.boosted(scored.items, scored.scores)
        order = np.lexsort((np.arange(len(scores)), -scores))
        return Scored(scored.items[order], scores[order], scored.parts[order])

    def _filled(
        self, scored: Scored, judged: NDArray[np.int64], surface: Surface, query: Query,
        ruling: Ruling, n: int, out: Arranged,
    ) -> Scored:  # fmt: skip
        """Too few: whatever the catalogue has follows, newest first, at a score of zero; but for
        those judged already."""
        rest = np.flatnonzero(self.replica.catalog.present)[::-1]
        rest = rest[~np.isin(rest, judged)]
        looked, step = 0, 10 * n + 100
        while len(rest) and np.count_nonzero(ruling.capped(scored.items)) <= n:
            if looked > LOOKED and len(scored.items) > n:
                break
            more, rest = rest[:step], rest[step:]
            looked, step = looked + step, 8 * step
            none = np.zeros((len(more), scored.parts.shape[1]))
            extra = self._listed(
                Scored(more, np.zeros(len(more)), none), surface, query, ruling, out
            )
            scored = Scored(
                np.concatenate([scored.items, extra.items]),
                np.concatenate([scored.scores, extra.scores]),
                np.concatenate([scored.parts, extra.parts]),
            )
        return scored

    def _explored(
        self, listed: Scored, surface: Surface, query: Query, ruling: Ruling, n: int, seed: int
    ) -> Explored:
        """New items for the page's last places, of those that may be shown and are not there."""
        slots = min(surface.explore, n)
        pool = self.sources.newcomers.pool(ruling.scene.now)
        kept = self.filters.keep(pool.items, surface, query, Arranged())
        kept &= ~np.isin(pool.items, listed.items[: n - slots])
        for _, passed in ruling.judged(pool.items):
            kept &= passed
        return explore(Candidates(pool.items[kept], pool.scores[kept]), slots, seed)

    def _page(
        self, listed: Scored, scored: Scored, surface: Surface, ruling: Ruling,
        explored: Explored, n: int, out: Arranged,
    ) -> Arranged:  # fmt: skip
        """Variety, caps, then pins, then the items as they are sent."""
        rows = ruling.order(listed.items, listed.scores, n)
        listed = Scored(listed.items[rows], listed.scores[rows], listed.parts[rows])
        room = ruling.capped(listed.items)
        out.took("cap", room)
        last = bool(room.all())  # what a cap holds back is for another page
        listed = listed.keep(room & ~np.isin(listed.items, explored.items))
        positions, numbers = ruling.pinned()
        allowed = self.filters.showable(numbers, surface, Arranged())
        pins = dict(zip(positions[allowed].tolist(), numbers[allowed].tolist(), strict=True))
        drawn = dict(zip(explored.items.tolist(), explored.propensities.tolist(), strict=True))
        for at, number in enumerate(drawn, start=n - len(drawn)):
            pins.setdefault(at, number)
        organic = listed.items[: n + 1].tolist()
        page, out.more = placed(organic, pins, len(ruling.shown), n, last=last)
        out.numbers = [number for number, _ in page]
        row = 0
        for text, (number, pinned) in zip(
            self.replica.state.items.texts(np.array(out.numbers, np.int64)), page, strict=True
        ):
            if pinned and number in drawn:
                chance = rounded(drawn[number])
                out.items.append(Item(text, 0.0, ["newcomers"], "New here", chance))
            elif pinned:
                score = float(scored.scores[scored.items == number].sum())
                out.items.append(Item(text, rounded(score), ["pinned"], "Pinned by the request"))
            else:
                out.items.append(self._item(text, row, listed, surface, "catalogue"))
                row += 1
        return out

    def _item(self, text: str, row: int, scored: Scored, surface: Surface, default: str) -> Item:
        """One row as it is sent. default: its source when none has found it."""
        parts: list[float] = scored.parts[row].tolist()
        ranked = sorted(range(len(parts)), key=lambda s: -parts[s])
        named = [surface.sources[s] for s in ranked if parts[s] > 0]
        sources = list(dict.fromkeys(source.name for source in named)) or [default]
        reason = REASONS[sources[0]](named[0] if named else surface.sources[0])
        return Item(text, rounded(scored.scores[row]), sources, reason)


def new_request_id() -> str:
    """A random id, as 32 hex digits, that sorts roughly by time."""
    return f"{time.time_ns() // 1_000_000:012x}{uuid.uuid4().hex[:20]}"


def share(surface: Surface) -> int:
    """How many candidates each source of a surface may give."""
    return max(CANDIDATES // len(surface.sources), LEAST)


def rounded(score: float) -> float:
    """A score as it is sent, to six digits."""
    return float(f"{score:.6g}")
