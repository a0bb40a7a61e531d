"""One request, on one screen: query -> sources -> score -> filters -> arrange -> respond."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence

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
from afresh.request import Arranged as Arranged
from afresh.request import Item as Item
from afresh.request import Query as Query
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.rules import rules
from afresh.retrieve.sessions import session_neighbours
from afresh.retrieve.trending import Trending
from afresh.store.replica import Replica
from afresh.surface_filters import Filters
from afresh.surface_spec import Source, Surface

CANDIDATES = 500
"""The most candidates a source gives."""
RANKED = 100_000
"""The most candidates a source gives when the caller names the items."""
CONTEXT_ITEMS = 10
"""How many of the visitor's latest distinct items a request looks at."""
LOOKED = 50_000
"""How many items are looked at to fill a list that only caps keep short."""

_log = structlog.get_logger("afresh.surface")


class Surfaces:
    """Answers requests over one replica; the caller holds its lock."""

    def __init__(self, surfaces: tuple[Surface, ...], replica: Replica) -> None:
        self.by_name = {surface.name: surface for surface in surfaces}
        self.replica = replica
        self.trending = Trending(replica)
        self.filters = Filters(replica)
        self.space = Workspace()
        self.sources: dict[str, Callable[[Source, Context, int], Candidates]] = {
            "sessions": self._sessions,
            "similar": self._similar,
            "trending": self._trending,
        }

    def recommend(self, query: Query, now: int, shown: NDArray[np.uint64] = NOTHING) -> Arranged:
        """The whole request. shown: hashes of the ids on earlier pages.

        Raises NotFound for a surface that is not declared, BadRequest for rules that are wrong.
        """
        surface, out = self._surface(query), Arranged()
        n = min(surface.n if query.n is None else query.n, LONGEST - len(shown))
        ruling = Ruling(query.rules, Scene(self.replica.catalog, query.context, now), shown)
        context = self.context(query, now)
        scored = self._scored(surface, context, CANDIDATES, out)
        listed = self._listed(scored, surface, query, ruling, out)
        if len(listed.items) <= n:
            listed = self._filled(listed, scored.items, surface, query, ruling, n, out)
        return self._page(listed, scored, surface, ruling, n, out)

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
        rest = [at for at in range(len(given)) if at not in set(order)]
        reason = REASONS["request"](surface.sources[0])
        out.items += [Item(given[at], 0.0, ["request"], reason) for at in rest]
        out.numbers = [int(numbers[at]) for at in order + rest]
        return out

    def context(self, query: Query, now: int) -> Context:
        """The visitor's latest distinct items: of this session, then of this person."""
        state = self.replica.state
        session = state.find("session_id", [query.session_id])[0] if query.session_id else -1
        user = state.find("user_id", [query.user_id])[0] if query.user_id else session
        history = state.sequences[state.plan.history]
        rows = [
            state.sessions.rows(state.facts, int(session), state.newest)[::-1],
            history.rows(state.facts, int(user), state.newest)[::-1],
        ]
        items = state.facts.item[np.concatenate(rows)].astype(np.int64)
        _, first = np.unique(items, return_index=True)
        latest = items[np.sort(first)][:CONTEXT_ITEMS]
        own = np.array([p for p in (session, user) if p >= 0], np.int64)
        return Context(latest, own, now)

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
        """The candidates of all sources, blended."""
        found = [self._guarded(source, context, n, out) for source in surface.sources]
        return blend(found, [source.weight for source in surface.sources])

    def _guarded(self, source: Source, context: Context, n: int, out: Arranged) -> Candidates:
        """A source's candidates; one that fails is left out and named."""
        try:
            return self.sources[source.name](source, context, n)
        except Exception:
            _log.exception("source_failed", source=source.name)
            out.left_out(f"source:{source.name}")
            return Candidates()

    def _sessions(self, source: Source, context: Context, n: int) -> Candidates:
        depth = int(source.params["depth"])  # type: ignore[arg-type]
        return session_neighbours(self.replica.state, context, self.space, depth=depth, n=n)

    def _similar(self, source: Source, context: Context, n: int) -> Candidates:
        return rules(self.replica.state, context, self.space, n=n)

    def _trending(self, source: Source, context: Context, n: int) -> Candidates:
        return self.trending.top(str(source.params["window"]), context.now, n)

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

    def _page(
        self, listed: Scored, scored: Scored, surface: Surface, ruling: Ruling, n: int,
        out: Arranged,
    ) -> Arranged:  # fmt: skip
        """Caps, then pins, then the items as they are sent."""
        room = ruling.capped(listed.items)
        out.took("cap", room)
        last = bool(room.all())  # what a cap holds back is for another page
        listed = listed.keep(room)
        positions, numbers = ruling.pinned()
        allowed = self.filters.showable(numbers, surface, Arranged())
        pins = dict(zip(positions[allowed].tolist(), numbers[allowed].tolist(), strict=True))
        organic = listed.items[: n + 1].tolist()
        page, out.more = placed(organic, pins, len(ruling.shown), n, last=last)
        out.numbers = [number for number, _ in page]
        row = 0
        for text, (number, pinned) in zip(
            self.replica.state.items.texts(np.array(out.numbers, np.int64)), page, strict=True
        ):
            if pinned:
                score = float(scored.scores[scored.items == number].sum())
                out.items.append(Item(text, round(score, 6), ["pinned"], "Pinned by the request"))
            else:
                out.items.append(self._item(text, row, listed, surface, "catalogue"))
                row += 1
        return out

    def _item(self, text: str, row: int, scored: Scored, surface: Surface, default: str) -> Item:
        """One row as it is sent. default: its source when none has found it."""
        parts = scored.parts[row]
        named = [surface.sources[s] for s in np.argsort(-parts, kind="stable") if parts[s] > 0]
        sources = list(dict.fromkeys(source.name for source in named)) or [default]
        reason = REASONS[sources[0]](named[0] if named else surface.sources[0])
        return Item(text, round(float(scored.scores[row]), 6), sources, reason)


REASONS: dict[str, Callable[[Source], str]] = {
    "sessions": lambda source: "People with sessions like this one chose it too",
    "similar": lambda source: "Often chosen next to what you looked at",
    "trending": lambda source: f"Popular in the last {source.params['window']}",
    "catalogue": lambda source: "From the catalogue",
    "request": lambda source: "Named by the request",
}


def new_request_id() -> str:
    """A random id, as 32 hex digits, that sorts roughly by time."""
    return f"{time.time_ns() // 1_000_000:012x}{uuid.uuid4().hex[:20]}"
