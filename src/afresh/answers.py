"""Answers: what a replica says when it is asked.

Each answer is computed under the replica's lock, so it reflects one place in the
log, and says which.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from zlib import crc32

import msgspec
import numpy as np

from afresh.arrange.cursor import NOTHING, Shown, name_hashes, read_cursor, write_cursor
from afresh.errors import NotFound
from afresh.features.asof import features_as_of
from afresh.features.plan import Feature, Plan
from afresh.features.reading import Value, features_of
from afresh.log import Log
from afresh.log.token import Place, read_token, write_token
from afresh.request import Answer as Answer
from afresh.retrieve.rising import may_rise, rising
from afresh.retrieve.rules import item_context, rules
from afresh.retrieve.segment import segment_asked
from afresh.retrieve.text import alike
from afresh.stages.given import NOTHING_SAID, Numbers
from afresh.stages.narrowing import only_where
from afresh.stages.reasons import popular, risen
from afresh.store.replica import Replica
from afresh.surface import Arranged, Item, Query, Surfaces, new_request_id
from afresh.surfaces.spec import Surface
from afresh.traces import Trace
from afresh.vectors.lookups import Hearing


class FeatureRows(msgspec.Struct, omit_defaults=True):
    """One row an entity: its id, then each feature's value. warming: the features asked for that
    are null because the log is still being folded for them; absent when there is none.
    fresh: whether the values reflect what was asked for as `after`; absent when they do."""

    rows: list[dict[str, Value]]
    offset: str
    warming: list[str] = []
    fresh: bool = True


class Answers:
    """The way out: recommendations, neighbours, trends, features, items."""

    def __init__(
        self, plan: Plan, surfaces: tuple[Surface, ...], log: Log, replica: Replica
    ) -> None:
        self.plan, self.log, self.replica = plan, log, replica
        self.surfaces = Surfaces(surfaces, replica)
        self.left_out: dict[str, int] = {}
        """How often each part had to be left out, as `degraded` names it."""
        self.keep: Callable[[Callable[[], Trace]], None] = lambda make: None
        """Hears of every list made for a visitor, to be explained later."""

    @property
    def cut_off(self) -> bool:
        """Whether the log is not heard of at present: answers say so, as `log` in `degraded`."""
        return False

    def recommend(self, query: Query) -> Answer:
        """The next screen of one visitor.

        Raises NotFound (surface) and BadRequest (`after`, `cursor`, rules).
        """
        return self.heeding(query, None)

    def heeding(self, query: Query, heard: Hearing | None) -> Answer:
        """The same with what a vector database has to say."""
        with self.replica.lock, self.surfaces.sources.asking(heard):
            now = self.replica.now() if query.as_of is None else query.as_of
            answer, arranged = self.recommended(query, now, new_request_id())
            self.trace(query, now, answer, arranged, heard=heard)
        return answer

    def recommended(
        self, query: Query, now: int, request_id: str, late: Collection[str] | None = None
    ) -> tuple[Answer, Arranged]:
        """The same at a moment, and how it came about; the caller holds the replica's lock.

        late: the parts to leave out, where time shall not decide.
        """
        wanted = self.wanted(query.after)
        shown = NOTHING
        if query.cursor:
            shown = read_cursor(query.cursor, self.log.id, query.surface)
        arranged = self.surfaces.recommend(query, now, shown, crc32(request_id.encode()), late)
        cursor = self._cursor(query.surface, arranged, shown)
        return self._answer(arranged, wanted, cursor, request_id), arranged

    def rank(
        self, query: Query, item_ids: Sequence[str], given: Numbers = NOTHING_SAID,
        now: int | None = None,
    ) -> Answer:  # fmt: skip
        """The caller's items, best first. given: by the names that the surface declares, a number
        for each item, None where it is not known; now: UTC ms, after everything folded.

        Raises NotFound (surface) and BadRequest (`after`, given).
        """
        with self.replica.lock:
            now = self.replica.now() if now is None else now
            answer, arranged = self.ranked(query, item_ids, now, given=given)
            self.trace(query, now, answer, arranged, list(item_ids), given)
        return answer

    def ranked(
        self, query: Query, item_ids: Sequence[str], now: int,
        late: Collection[str] | None = None, given: Numbers = NOTHING_SAID,
    ) -> tuple[Answer, Arranged]:  # fmt: skip
        """The same at a moment, and how it came about, as `recommended`."""
        wanted = self.wanted(query.after)
        arranged = self.surfaces.rank(query, item_ids, now, late, given)
        return self._answer(arranged, wanted), arranged

    def trace(
        self, query: Query, now: int, answer: Answer, arranged: Arranged,
        items: list[str] | None = None, given: Numbers = NOTHING_SAID,
        heard: Hearing | None = None,
    ) -> None:  # fmt: skip
        """Have what was answered at a moment be kept. items, given: of a caller's list; heard: of
        the vector database, where there is one."""
        # What waits to be written must not hold all the candidates.
        read = self.surfaces.by_name[query.surface].embedded
        vectors = self.surfaces.sources.vectors_name if read else ""
        offset, removed, held = self.replica.offset, arranged.removed, arranged.weighed
        shown = held.of(np.array(arranged.rows, np.int64)) if held is not None else None
        self.keep(
            lambda: Trace(
                request_id=answer.request_id,
                at=now,
                offset=offset,
                query=query,
                ranked=items,
                given={name: [*map(_plain, values)] for name, values in given.items()},
                answer=msgspec.Raw(msgspec.json.encode(answer)),
                sources=list(shown.names) if shown else [],
                terms=shown.added() if shown else [],
                removed=removed,
                vectors=vectors,
                heard=heard.said if heard is not None else None,
            )
        )

    def _cursor(self, surface: str, arranged: Arranged, shown: Shown) -> str | None:
        if not arranged.more:
            return None
        numbers = np.array(arranged.numbers + arranged.beside, np.int64)
        hashes = name_hashes(self.replica.state.items, numbers)
        return write_cursor(self.log.id, surface, shown.and_then(hashes, len(arranged.beside)))

    def similar(self, item_id: str, n: int) -> Answer:
        """What stands near an item in people's sessions; of one that stands in none, what is
        described like it, where a surface keeps item vectors. Raises NotFound."""
        with self.replica.lock:
            state = self.replica.state
            number = state.items.find_one(item_id)
            if number < 0:
                raise NotFound(
                    f"Nothing is known of an item {item_id!r}.",
                    hint="It becomes known by its first event, or when it is PUT.",
                )
            context = item_context(number, self.replica.now())
            found = rules(state, context, self.surfaces.sources.space, n=4 * n + 20)
            reason = f"Often chosen near {item_id}"
            listed = self._listed(found.items, found.scores, n, "similar", reason)
            if not listed.items and self.surfaces.sources.has_vectors:
                found = alike(number, self.surfaces.sources.vectors, n=4 * n + 20)
                reason = f"Described like {item_id}"
                listed = self._listed(found.items, found.scores, n, "text", reason)
            self._name_warming(listed, "similar")
            return self._answer(listed)

    def trending(self, window: str, n: int, where: Mapping[str, str], up: bool = False) -> Answer:
        """The leaders of a window, or what has more than its usual there, in the segment that
        `where` says of a trend which is split, among items whose text fields are as it says
        besides. Raises NotFound (window) and BadRequest."""
        with self.replica.lock:
            trending, now, most = self.surfaces.sources.trending, self.replica.now(), 4 * n + 20
            split = [t for t in self.plan.trends if not up or may_rise(t, self.plan)]
            asked = segment_asked(self.replica.state, split, window, where, now)
            only, trend, group = (
                only_where(self.replica.catalog, asked.rest),
                asked.trend,
                asked.group,
            )
            if up:
                name, reason = "rising", risen(window, asked.words)
                found = rising(trending, window, now, most, only, asked.by, group)
            else:
                name, reason = "trending", popular(window, asked.words)
                found = trending.top(trend, now, most, only, group)
            listed = self._listed(found.items, found.scores, n, name, reason)
            self._name_warming(listed, name, trend)
            return self._answer(listed)

    def _name_warming(self, listed: Arranged, source: str, trend: str = "") -> None:
        if self.surfaces.sources.warms(source, trend):
            listed.left_out(f"warming:{source}")

    def _listed(
        self, items: np.ndarray[Any, Any], scores: np.ndarray[Any, Any], n: int, source: str,
        reason: str,
    ) -> Arranged:  # fmt: skip
        shown = self.surfaces.shown(items)
        items, scores = items[shown], scores[shown]
        texts = self.replica.state.items.texts(items[:n])
        pairs = zip(texts, scores.tolist(), strict=False)
        return Arranged([Item(i, round(score, 6), [source], reason) for i, score in pairs])

    def _answer(
        self,
        arranged: Arranged,
        wanted: Place | None = None,
        cursor: str | None = None,
        request_id: str = "",
    ) -> Answer:
        if self.cut_off:
            arranged.left_out("log")
        for part in arranged.degraded:
            self.left_out[part] = self.left_out.get(part, 0) + 1
        return Answer(
            request_id=request_id or new_request_id(),
            items=arranged.items,
            offset=self.offset_token(),
            fresh=wanted is None or wanted.within(self.replica.place),
            freshness_ms=round(self.replica.fold_ms, 3),
            model=arranged.model,
            variant=None,
            degraded=arranged.degraded,
            groups=arranged.groups,
            cursor=cursor,
        )

    def features(
        self, keys: Mapping[str, Sequence[str]], names: Sequence[str] | None, as_of: int | None,
        after: str | None = None,
    ) -> FeatureRows:  # fmt: skip
        """Values of features by entity: {"item_id": ["i1"]}; names None: all of that key.

        as_of: only what happened before that moment, UTC ms, counts; read from the log.
        Raises NotFound for an unknown feature and BadRequest for a key without features.
        """
        wanted = self.wanted(after)
        fresh = wanted is None or wanted.within(self.replica.place)
        rows: list[dict[str, Value]] = []
        warming: dict[str, None] = {}
        for key, entities in keys.items():
            features = features_of(self.plan, key, names)
            if as_of is None:
                rows += self._values(key, entities, features, warming)
            else:
                rows += features_as_of(self.plan, self.log, key, list(entities), features, as_of)
        return FeatureRows(rows, self.offset_token(), list(warming), fresh)

    def _values(
        self, key: str, entities: Sequence[str], features: list[Feature], warming: dict[str, None]
    ) -> list[dict[str, Value]]:
        """The rows of one key; a feature that warms is null and noted."""
        with self.replica.lock:
            now, reader = self.replica.now(), self.replica.reader
            if self.replica.warming is None:
                return reader.values(key, entities, features, now)
            cold = dict.fromkeys(f.name for f in features if f.name not in reader.by_name)
            held = [reader.by_name[f.name] for f in features if f.name not in cold]
            rows = reader.values(key, entities, held, now) if held else [{key: e} for e in entities]
        warming |= cold
        labels = [key, *(feature.name for feature in features)]
        return [{label: row.get(label) for label in labels} for row in rows]

    def item(self, item_id: str) -> dict[str, Any] | None:
        with self.replica.lock:
            return self.replica.catalog.record(item_id)

    def wanted(self, after: str | None) -> Place | None:
        """The place that a request's `after` names. Raises BadRequest."""
        return read_token(after, self.log.id, len(self.replica.place)) if after else None

    def offset_token(self) -> str:
        """The place that answers reflect now."""
        replica = self.replica
        return write_token(Place(self.log.id, replica.place, replica.state.newest))


def _plain(value: float | None) -> float | None:
    """A number as JSON has it, whatever kind of number a caller in the process gave."""
    return None if value is None else float(value)
