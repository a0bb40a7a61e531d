"""One request, on one screen: sources -> filters -> score -> arrange -> respond."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.errors import NotFound
from afresh.problems import suggest
from afresh.rank.blend import Scored, blend
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.rules import rules
from afresh.retrieve.sessions import session_neighbours
from afresh.retrieve.trending import Trending
from afresh.store.replica import Replica
from afresh.surface_spec import Filter, Source, Surface

CANDIDATES = 500
"""The most candidates a source gives."""
CONTEXT_ITEMS = 10
"""How many of the visitor's latest distinct items a request looks at."""

_log = structlog.get_logger("afresh.surface")


class Query(msgspec.Struct, kw_only=True):
    """Who asks for what. after: a token whose events the answer must reflect."""

    surface: str = "home"
    user_id: str | None = None
    session_id: str | None = None
    n: int | None = None
    after: str | None = None


class Item(msgspec.Struct):
    """One recommended item, why, and from which sources."""

    item_id: str
    score: float
    sources: list[str]
    reason: str


@dataclass(slots=True)
class Arranged:
    """What a surface shows, and which parts had to be left out."""

    items: list[Item]
    degraded: list[str] = field(default_factory=list)


class Surfaces:
    """Answers requests over one replica; the caller holds its lock."""

    def __init__(self, surfaces: tuple[Surface, ...], replica: Replica) -> None:
        self.by_name = {surface.name: surface for surface in surfaces}
        self.replica = replica
        self.trending = Trending(replica)
        self.space = Workspace()
        self.sources: dict[str, Callable[[Source, Context], Candidates]] = {
            "sessions": self._sessions,
            "similar": self._similar,
            "trending": self._trending,
        }
        self.filters: dict[str, Callable[[Filter, Query, NDArray[np.int64]], NDArray[Any]]] = {
            "seen": self._unseen,
            "available": self._available,
        }

    def recommend(self, query: Query, now: int) -> Arranged:
        """The whole request. Raises NotFound for a surface that is not declared."""
        surface = self.by_name.get(query.surface)
        if surface is None:
            hint = suggest(query.surface, self.by_name)
            raise NotFound(f"There is no surface {query.surface!r}.", hint=hint)
        degraded: list[str] = []
        context = self.context(query, now)
        found = [self._guarded(s, context, degraded) for s in surface.sources]
        scored = blend(found, [source.weight for source in surface.sources])
        scored = self._filtered(scored, surface, query, degraded)
        n = surface.n if query.n is None else query.n
        if len(scored.items) < n:
            scored = self._filled(scored, surface, query, n, degraded)
        return Arranged(self._respond(scored, surface, context, found, n), degraded)

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

    def _guarded(self, source: Source, context: Context, degraded: list[str]) -> Candidates:
        """A source's candidates; one that fails is left out and named."""
        try:
            return self.sources[source.name](source, context)
        except Exception:
            _log.exception("source_failed", source=source.name)
            degraded.append(f"source:{source.name}")
            return Candidates()

    def _sessions(self, source: Source, context: Context) -> Candidates:
        depth = int(source.params["depth"])  # type: ignore[arg-type]
        return session_neighbours(
            self.replica.state, context, self.space, depth=depth, n=CANDIDATES
        )

    def _similar(self, source: Source, context: Context) -> Candidates:
        return rules(self.replica.state, context, self.space, n=CANDIDATES)

    def _trending(self, source: Source, context: Context) -> Candidates:
        return self.trending.top(str(source.params["window"]), context.now, CANDIDATES)

    def _filtered(
        self, scored: Scored, surface: Surface, query: Query, degraded: list[str]
    ) -> Scored:
        for spec in surface.filters:
            try:
                scored = scored.keep(self.filters[spec.name](spec, query, scored.items))
            except Exception:
                _log.exception("filter_failed", filter=spec.name)
                degraded.append(f"filter:{spec.name}")
        catalog = self.replica.catalog
        # Without a catalogue everything that was ever touched can be shown.
        return scored.keep(catalog.is_present(scored.items)) if len(catalog) else scored

    def shown(self, items: NDArray[np.int64]) -> NDArray[np.bool_]:
        """bool[n]: whether an item may be shown to anybody: it is in the catalogue, if there is
        one, and available as the first surface asks."""
        catalog = self.replica.catalog
        shown = catalog.is_present(items) if len(catalog) else np.ones(len(items), np.bool_)
        for spec in next(iter(self.by_name.values())).filters:
            if spec.name == "available":
                shown &= self._available(spec, Query(), items)
        return shown

    def _unseen(self, spec: Filter, query: Query, items: NDArray[np.int64]) -> NDArray[Any]:
        state = self.replica.state
        names = spec.params["events"]
        kinds = [c for c, e in enumerate(state.plan.events) if not names or e.name in names]  # type: ignore[operator]
        lists = [(state.sequences[state.plan.history], "user_id", query.user_id),
                 (state.sessions, "session_id", query.session_id)]  # fmt: skip
        gone = np.empty(0, np.int32)
        for kept, key, name in lists:
            if name:
                rows = kept.rows(state.facts, int(state.find(key, [name])[0]), state.newest)
                rows = rows[np.isin(state.facts.kind[rows], kinds)]
                gone = np.concatenate([gone, state.facts.item[rows]])
        return ~np.isin(items, gone)

    def _available(self, spec: Filter, query: Query, items: NDArray[np.int64]) -> NDArray[Any]:
        column = self.replica.catalog.take(str(spec.params["field"]), items)
        return np.asarray(column != 0)

    def _filled(
        self, scored: Scored, surface: Surface, query: Query, n: int, degraded: list[str]
    ) -> Scored:
        """Too few: whatever the catalogue has follows, newest first, at a score of zero."""
        rest = np.flatnonzero(self.replica.catalog.present)[::-1]
        rest = rest[~np.isin(rest, scored.items)]
        looked = 10 * n + 100
        while len(scored.items) < n and len(rest):
            more, rest, looked = rest[:looked], rest[looked:], 8 * looked
            none = np.zeros((len(more), scored.parts.shape[1]))
            extra = Scored(more, np.zeros(len(more)), none)
            extra = self._filtered(extra, surface, query, degraded)
            scored = Scored(
                np.concatenate([scored.items, extra.items]),
                np.concatenate([scored.scores, extra.scores]),
                np.concatenate([scored.parts, extra.parts]),
            )
        return scored

    def _respond(
        self, scored: Scored, surface: Surface, context: Context, found: list[Candidates], n: int
    ) -> list[Item]:
        texts = self.replica.state.items.texts(scored.items[:n])
        out = []
        for row, item_id in enumerate(texts):
            parts = scored.parts[row]
            named = [surface.sources[s] for s in np.argsort(-parts, kind="stable") if parts[s] > 0]
            reason = REASONS[named[0].name](named[0]) if named else "From the catalogue"
            sources = list(dict.fromkeys(source.name for source in named)) or ["catalogue"]
            out.append(Item(item_id, round(float(scored.scores[row]), 6), sources, reason))
        return out


REASONS: dict[str, Callable[[Source], str]] = {
    "sessions": lambda source: "People with sessions like this one chose it too",
    "similar": lambda source: "Often chosen next to what you looked at",
    "trending": lambda source: f"Popular in the last {source.params['window']}",
}


def new_request_id() -> str:
    """A random id, as 32 hex digits, that sorts roughly by time."""
    return f"{time.time_ns() // 1_000_000:012x}{uuid.uuid4().hex[:20]}"
