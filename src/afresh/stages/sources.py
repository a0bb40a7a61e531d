"""The sources a surface can name, over one replica: each gives candidates for a context."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
from numpy.typing import NDArray

from afresh.features.durations import milliseconds
from afresh.features.plan import Plan
from afresh.features.trends import USUAL, trend_name
from afresh.rank.beside import Beside
from afresh.rank.blend import Scored
from afresh.rank.columns import Columns
from afresh.rank.softmax import Softmax
from afresh.rank.terms import TERMS, terms
from afresh.request import Weighed
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.covisits import covisits
from afresh.retrieve.embeddings import embeddings
from afresh.retrieve.exploration import Newcomers
from afresh.retrieve.next_item import next_item
from afresh.retrieve.preference import action_weights, preference
from afresh.retrieve.repeats import repeats
from afresh.retrieve.rising import rising
from afresh.retrieve.rules import rules
from afresh.retrieve.scans import Scanned, Scans
from afresh.retrieve.segment import in_words, segment
from afresh.retrieve.sessions import session_neighbours
from afresh.retrieve.text import text_neighbours
from afresh.retrieve.trending import Trending
from afresh.retrieve.two_hops import two_hops
from afresh.store.replica import Replica
from afresh.surfaces.spec import Param, Source
from afresh.vectors.behaviour import BehaviourVectors
from afresh.vectors.items import ItemVectors
from afresh.vectors.lookups import Hearing, Lookup
from afresh.vectors.text import text_encoder, text_fields


class Sources:
    """Scans, trends and vectors with what they keep at hand; the caller holds the lock."""

    def __init__(self, replica: Replica, space: Workspace) -> None:
        self.replica, self.space = replica, space
        self.trending = Trending(replica)
        self.newcomers = Newcomers(replica)
        self._scans = Scans()
        self._scanned: tuple[Context | None, int, Scanned | None] = (None, 0, None)
        self._scorer = (b"", Softmax())
        self._vectors: ItemVectors | None = None
        self._lookup: Lookup | None = None
        self.behaviour: BehaviourVectors | None = None
        """The vectors learned from visits, once there are any; replaced whole, by any thread."""
        self._tastes_of: Plan | None = None
        self._tastes: dict[tuple[Param, Param], tuple[NDArray[np.float64], int]] = {}
        self.by_name: dict[str, Callable[[Source, Context, int], Candidates]] = {
            "sessions": self._sessions,
            "similar": self._similar,
            "trending": self._trending,
            "rising": self._rising,
            "neighbours": self._neighbours,
            "next_item": lambda source, c, n: next_item(self._state, c, self.space, n=n),
            "covisits": lambda source, c, n: covisits(self._state, c, self.space, n=n),
            "two_hops": lambda source, c, n: two_hops(self._state, c, self.space, n=n),
            "preference": self._preference,
            "embeddings": self._embeddings,
            "text": lambda source, c, n: text_neighbours(c, self.vectors, n=n),
            "repeats": self._repeats,
            "newcomers": lambda source, c, n: self.newcomers.pool(c.now),
        }

    def __call__(self, source: Source, context: Context, n: int) -> Candidates:
        """At most n candidates of a source."""
        return self.by_name[source.name](source, context, n)

    def warms(self, source: str, trend: str = "") -> bool:
        """Whether a source goes by what another definition kept, until the log is folded.

        trend: the name of the one it reads.
        """
        warming = self.replica.warming
        if warming is None:
            return False
        if source == "rising":
            _, _, by = trend.partition(" by ")
            return trend in warming.trends or trend_name(USUAL, by) in warming.trends
        return trend in warming.trends if source == "trending" else warming.lists

    @property
    def has_vectors(self) -> bool:
        """Whether anybody has asked for the item vectors."""
        return self._vectors is not None

    @property
    def vectors(self) -> ItemVectors:
        """The item vectors, made when first asked for: half a second, then some ms a thousand
        items of the catalogue."""
        if self._vectors is None:
            self._vectors = ItemVectors(self.replica, encoder())
            self._vectors.refresh()
            self.replica.followers.append(self._vectors)
            self._vectors.lookup = self._lookup
        return self._vectors

    @contextmanager
    def asking(self, lookup: Lookup | None) -> Iterator[None]:
        """Meanwhile neighbours by vector come from a lookup first, where there is one."""
        self._lookup = lookup
        if self._vectors is not None:
            self._vectors.lookup = lookup
        try:
            yield
        finally:
            self._lookup = None
            if self._vectors is not None:
                self._vectors.lookup = None

    @property
    def unheard(self) -> bool:
        """Whether a lookup had no answer to what it was asked."""
        return isinstance(self._lookup, Hearing) and None in self._lookup.said

    @property
    def texts(self) -> ItemVectors | None:
        """The same, where the catalogue has a text to make them of."""
        return self.vectors if text_fields(self._state.plan.catalog.fields) else None

    @property
    def vectors_name(self) -> str:
        """Of the vectors learned from visits that are in use; "": there are none."""
        return self.behaviour.name if self.behaviour is not None else ""

    def learned(self, scored: Scored, beside: Beside | None, context: Context, n: int) -> Weighed:
        """The learned blend of candidates, which it scores by probabilities: what it knows of each
        and what each term counts."""
        x, model = self.terms(scored, beside, context, n), self.scorer
        scored.scores = model.score(x)
        known = x.shape[1]
        return Weighed(scored.items, x, model.weights[:known], TERMS[:known])

    def terms(
        self, scored: Scored, beside: Beside | None, context: Context, n: int
    ) -> NDArray[np.float64]:
        """What the softmax blend knows of each candidate, of which the scans gave at most n:
        float64[k, terms], the first of rank.terms.TERMS. beside: of the sources that were asked."""
        scanned, rows = self._found(scored.items, context, n)
        given = None if beside is None else beside.of(scored)
        return terms(self._state, context, scanned, scored.items, rows, given)

    def matrix(
        self, columns: Columns, items: NDArray[np.int64], parts: NDArray[np.float64],
        context: Context, n: int,
    ) -> NDArray[np.float32]:  # fmt: skip
        """What a trained ranker is told of each item: float32[k, columns]. parts: float64[k,
        sources], what each source gave it."""
        scanned, rows = self._found(items, context, n)
        return columns(self.replica.reader, context, scanned, items, rows, parts)

    @property
    def scorer(self) -> Softmax:
        """The weights in force, of the last record in the log."""
        if self._scorer[0] is not self.replica.weights:
            self._scorer = self.replica.weights, Softmax.in_force(self.replica.weights)
        return self._scorer[1]

    @property
    def _state(self):  # type: ignore[no-untyped-def]
        return self.replica.state

    def _sessions(self, source: Source, context: Context, n: int) -> Candidates:
        depth = int(source.params["depth"])  # type: ignore[arg-type]
        return session_neighbours(self.replica.state, context, self.space, depth=depth, n=n)

    def _similar(self, source: Source, context: Context, n: int) -> Candidates:
        latest = int(source.params["n"])  # type: ignore[arg-type]
        return rules(self._state, context, self.space, latest=latest, n=n)

    def _trending(self, source: Source, context: Context, n: int) -> Candidates:
        def found(by: str, group: int) -> Candidates:
            return self.trending.top(trend_name(window, by), context.now, n, group=group)

        window = str(source.params["window"])
        return self._where(source, context, found)

    def _rising(self, source: Source, context: Context, n: int) -> Candidates:
        def found(by: str, group: int) -> Candidates:
            return rising(self.trending, window, context.now, n, by=by, group=group)

        window = str(source.params["window"])
        return self._where(source, context, found)

    def _where(
        self, source: Source, context: Context, found: Callable[[str, int], Candidates]
    ) -> Candidates:
        """What is found in the segment of a split trend that the request is about, which the
        context notes; where it says none, or nothing is there, what is found in the whole."""
        trend = self.trending.trend(source.trend)
        if trend is not None and trend.split is not None:
            group = segment(self._state, trend, context.said, context.now)
            here = found(trend.by, group) if group > 0 else Candidates()
            if len(here.items):
                context.segments[source.label] = in_words(self._state, trend, group)
                return here
        return found("", 0)

    def _repeats(self, source: Source, context: Context, n: int) -> Candidates:
        return repeats(self._state, context.person, context.now, self.space, n=n).found

    def _neighbours(self, source: Source, context: Context, n: int) -> Candidates:
        scanned = self._scan(context, n)
        return Candidates(scanned.items, scanned.blend)

    def _preference(self, source: Source, context: Context, n: int) -> Candidates:
        weights, half_life = self._taste(source)
        return preference(
            self._state, context, self.vectors, weights=weights, half_life=half_life, n=n
        )

    def _embeddings(self, source: Source, context: Context, n: int) -> Candidates:
        vectors = self.behaviour
        if vectors is None:
            return Candidates()
        weights, half_life = self._taste(source)
        return embeddings(
            self._state, context, vectors, self.space, weights, half_life=half_life, n=n
        )

    def _taste(self, source: Source) -> tuple[NDArray[np.float64], int]:
        """What each action counts for a source, float64[256], and its half-life, ms."""
        plan = self._state.plan
        if self._tastes_of is not plan:
            self._tastes, self._tastes_of = {}, plan
        said = source.params["actions"], source.params["half_life"]
        if said not in self._tastes:
            actions = dict(said[0])  # type: ignore[arg-type]
            if self.replica.warming is not None:  # what is new is in no list yet
                known = {event.name for event in plan.events}
                actions = {name: weight for name, weight in actions.items() if name in known}
            self._tastes[said] = action_weights(plan, actions), milliseconds(said[1])
        return self._tastes[said]

    def _found(
        self, items: NDArray[np.int64], context: Context, n: int
    ) -> tuple[Scanned, NDArray[np.int64]]:
        """The scans of a context, and where each item stands among what they found."""
        self.space.fit(self._state)
        scanned = self._scan(context, n)
        return scanned, self.space.rows(scanned.items, items)

    def _scan(self, context: Context, n: int) -> Scanned:
        """All scans of a context, once a request."""
        held, most, scanned = self._scanned
        if held is not context or most != n or scanned is None:
            scanned = self._scans(self.replica.state, context, n)
            self._scanned = context, n, scanned
        return scanned


@cache
def encoder():  # type: ignore[no-untyped-def]
    """One for the whole process: it holds the weights."""
    return text_encoder()
