"""A runtime: one app's log, state and answers in one process.

An event goes in at `post_events`: decoded here, admitted, made durable and folded by the
writer, acknowledged. A request comes in at `recommend` and is answered from the
replica. Everything else is opening, closing and asking how things are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from afresh.app import App
from afresh.errors import BadRequest, NotFound
from afresh.events.admission import Admission
from afresh.events.decode import EventDecoder
from afresh.events.verdict import Rejection
from afresh.features.asof import features_as_of
from afresh.features.reading import Value
from afresh.log.sqlite import SqliteLog
from afresh.log.token import Place, read_token, write_token
from afresh.recovery import Progress, Recovery, silent
from afresh.retrieve.rules import item_context, rules
from afresh.settings import Settings
from afresh.store.replica import Replica
from afresh.surface import Arranged, Item, Query, Surfaces, new_request_id
from afresh.writer import ItemChange, Outcome, Submission, Writer


class Receipt(msgspec.Struct):
    """The verdicts on what was sent. offset: a token to give as `after`."""

    accepted: int
    duplicates: int
    rejected: list[Rejection]
    offset: str


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


class FeatureRows(msgspec.Struct):
    """One row an entity: its id, then each feature's value."""

    rows: list[dict[str, Value]]
    offset: str


class Runtime:
    """Opened with `Runtime.open`; close it, so that the next start is fast."""

    def __init__(self, app: App, settings: Settings, log: SqliteLog, replica: Replica) -> None:
        self.app, self.settings, self.log, self.replica = app, settings, log, replica
        self.plan = replica.plan
        self.admission = Admission(replica.catalog, horizon_ms=settings.admission_horizon)
        self.recovery = Recovery(log, replica, self.admission, settings)
        self.decoder = EventDecoder(self.plan.events, max_events=settings.max_request_events)
        self.surfaces = Surfaces(app.surfaces, replica)
        self.writer = Writer(
            log,
            replica,
            self.admission,
            queue_events=settings.queue_events,
            group_events=settings.group_events,
            idle=self.recovery.housekeeping,
        )

    @classmethod
    def open(
        cls, app: App, folder: Path, settings: Settings, *, progress: Progress = silent
    ) -> Runtime:
        """Restore the newest snapshot, fold what the log has beyond it, start the writer.

        progress(stage, done, total) is called as the log is folded, in records.
        """
        plan = app.plan()
        log = SqliteLog(folder, app=app.name)
        try:
            runtime = cls(app, settings, log, Replica(plan))
            runtime.recovery.recover(progress)
        except BaseException:
            log.close()
            raise
        runtime.writer.start()
        return runtime

    def close(self) -> None:
        """Finish what was submitted, take a snapshot, release the log."""
        self.writer.close()
        try:
            self.recovery.close()
        finally:
            self.log.close()

    # Events and items go in.

    async def post_events(self, body: bytes, *, lines: bool = False) -> Receipt:
        """Decode, admit, make durable, fold, acknowledge. lines: the body is NDJSON for certain."""
        decoded = self.decoder.decode(body, lines=lines)
        outcome = await self._submit_async(Submission(decoded.events, decoded.index))
        return self._receipt(outcome, decoded.rejected)

    def ingest(self, body: bytes, *, lines: bool = False) -> Receipt:
        """The same, waiting in this thread."""
        decoded = self.decoder.decode(body, lines=lines)
        outcome = self._submit(Submission(decoded.events, decoded.index))
        return self._receipt(outcome, decoded.rejected)

    def submit(self, body: bytes) -> Submission:
        """Decode and queue without waiting; the outcome is in the submission's `future`."""
        decoded = self.decoder.decode(body)
        submission = Submission(decoded.events, decoded.index)
        self.writer.submit(submission)
        return submission

    async def post_items(self, body: bytes) -> Receipt:
        """Item records as NDJSON or an array; each is judged alone."""
        decoded = self.writer.items.lines(body)
        changes = [ItemChange(item_id, record) for item_id, record in decoded.records]
        return self._receipt(await self._submit_async(Submission(changes=changes)), decoded.rejected)

    async def put_item(self, item_id: str, values: Mapping[str, Any]) -> Receipt:
        change = ItemChange(item_id, self.writer.items.record(item_id, values))
        return self._receipt(await self._submit_async(Submission(changes=[change])), [])

    async def patch_item(self, item_id: str, changes: dict[str, Any]) -> Receipt:
        """Merge changes into an item (RFC 7396). Raises NotFound."""
        change = ItemChange(item_id, patch=changes)
        return self._receipt(await self._submit_async(Submission(changes=[change])), [])

    async def delete_item(self, item_id: str) -> Receipt:
        """Remove an item from the catalogue. Raises NotFound."""
        change = ItemChange(item_id)
        return self._receipt(await self._submit_async(Submission(changes=[change])), [])

    def _submit(self, submission: Submission) -> Outcome:
        if not submission.size:
            return Outcome(offset=self.replica.offset)
        self.writer.submit(submission)
        return submission.future.result()  # type: ignore[return-value]

    async def _submit_async(self, submission: Submission) -> Outcome:
        if not submission.size:
            return Outcome(offset=self.replica.offset)
        submission.loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = submission.loop.create_future()
        submission.future = future
        self.writer.submit(submission)
        return await future

    def _receipt(self, outcome: Outcome, refused: list[Rejection]) -> Receipt:
        for rejection in refused:
            counted = self.writer.counters.rejected
            counted[rejection.code] = counted.get(rejection.code, 0) + 1
        rejected = sorted([*refused, *outcome.rejected], key=lambda r: r.index)
        place = Place(self.log.id, outcome.offset, self.replica.state.newest)
        return Receipt(outcome.accepted, outcome.duplicates, rejected, write_token(place))

    # Answers come out.

    def recommend(self, query: Query) -> Answer:
        """The next screen of one visitor. Raises NotFound (surface) and BadRequest (`after`)."""
        wanted = read_token(query.after, self.log.id) if query.after else None
        with self.replica.lock:
            arranged = self.surfaces.recommend(query, self.replica.now())
            return self._answer(arranged, wanted)

    def similar(self, item_id: str, n: int) -> Answer:
        """What stands near an item in people's sessions. Raises NotFound."""
        with self.replica.lock:
            state = self.replica.state
            number = state.items.find_one(item_id)
            if number < 0:
                raise NotFound(
                    f"Nothing is known of an item {item_id!r}.",
                    hint="It becomes known by its first event, or when it is PUT.",
                )
            context = item_context(number, self.replica.now())
            found = rules(state, context, self.surfaces.space, n=4 * n + 20)
            return self._answer(
                self._listed(found.items, found.scores, n, "similar", f"Often chosen near {item_id}")
            )

    def trending(self, window: str, n: int, where: Mapping[str, str]) -> Answer:
        """The leaders of a window, among items whose text fields are as `where` says."""
        with self.replica.lock:
            only = self._only(where)
            found = self.surfaces.trending.top(window, self.replica.now(), 4 * n + 20, only)
            reason = f"Popular in the last {window}"
            return self._answer(self._listed(found.items, found.scores, n, "trending", reason))

    def _only(self, where: Mapping[str, str]) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
        catalog, only = self.replica.catalog, None
        for name, value in where.items():
            if name not in catalog.labels:
                raise BadRequest(
                    f"The catalogue has no text field {name!r}.",
                    hint=f"It has: {', '.join(catalog.labels) or 'none'}.",
                    path=f"$.{name}",
                )
            items = np.arange(len(self.replica.state.items))
            here = catalog.take(name, items) == catalog.labels[name].find_one(value)
            if catalog.labels[name].find_one(value) < 0:
                here[:] = False
            only = here if only is None else only & here
        return only

    def _listed(
        self, items: np.ndarray[Any, Any], scores: np.ndarray[Any, Any], n: int, source: str,
        reason: str,
    ) -> Arranged:  # fmt: skip
        catalog = self.replica.catalog
        if len(catalog):
            shown = catalog.is_present(items)
            items, scores = items[shown], scores[shown]
        texts = self.replica.state.items.texts(items[:n])
        pairs = zip(texts, scores.tolist(), strict=False)
        return Arranged([Item(i, round(score, 6), [source], reason) for i, score in pairs])

    def _answer(self, arranged: Arranged, wanted: Place | None = None) -> Answer:
        return Answer(
            request_id=new_request_id(),
            items=arranged.items,
            offset=self.offset_token(),
            fresh=wanted is None or wanted.offset <= self.replica.offset,
            freshness_ms=round(self.writer.counters.fold_ms, 3),
            model="blend",
            variant=None,
            degraded=arranged.degraded,
        )

    def features(
        self, keys: Mapping[str, Sequence[str]], names: Sequence[str] | None, as_of: int | None
    ) -> FeatureRows:
        """Values of features by entity: {"item_id": ["i1"]}; names None: all of that key.

        as_of: only what happened before that moment, UTC ms, counts; read from the log.
        Raises NotFound for an unknown feature and BadRequest for a key without features.
        """
        rows: list[dict[str, Value]] = []
        for key, entities in keys.items():
            features = self._features_of(key, names)
            if as_of is None:
                with self.replica.lock:
                    now, reader = self.replica.now(), self.replica.reader
                    values = reader.values(key, list(entities), features, now)
            else:
                values = features_as_of(
                    self.plan, self.log, key, list(entities), features, as_of
                )
            rows += [{key: e, **v} for e, v in zip(entities, values, strict=True)]
        return FeatureRows(rows, self.offset_token())

    def _features_of(self, key: str, names: Sequence[str] | None) -> list[Any]:
        reader = self.replica.reader
        if names is not None:
            wanted = [reader.feature(name) for name in names]
            return [feature for feature in wanted if feature.key == key]
        found = [feature for feature in self.plan.features if feature.key == key]
        if not found:
            known = sorted({feature.key for feature in self.plan.features})
            raise BadRequest(
                f"No feature is kept by {key!r}.",
                hint=f"There are features by: {', '.join(known) or 'nothing yet'}.",
                path="$.keys",
            )
        return found

    def item(self, item_id: str) -> dict[str, Any] | None:
        with self.replica.lock:
            return self.replica.catalog.record(item_id)

    def offset_token(self) -> str:
        """The place that answers reflect now."""
        replica = self.replica
        return write_token(Place(self.log.id, replica.offset, replica.state.newest))

    # How things are.

    def ready(self) -> tuple[bool, str]:
        """Whether events can be taken and answers follow the log; and if not, why."""
        if self.writer.failure is not None:
            return False, self.writer.failure.message
        behind = self.log.end - self.replica.offset
        if behind > 0 and not self.writer.waiting:
            return False, f"The state is {behind:,} records behind the log."
        return True, ""

    def stats(self) -> dict[str, Any]:
        """Counts for the metrics page; times in seconds, sizes in bytes."""
        c, replica = self.writer.counters, self.replica
        return {
            "accepted": c.accepted,
            "duplicates": c.duplicates,
            "late": c.late,
            "commits": c.commits,
            "rejected": dict(c.rejected),
            "queue_depth": self.writer.waiting,
            "fold_lag": max(self.log.end - replica.offset, 0),
            "fold_seconds": c.fold_ms / 1000,
            "log_bytes": self.log.bytes_used(),
            "log_records": self.log.end - self.log.start,
            "state_bytes": replica.state.memory(),
            "snapshot_age": time.time() - self.recovery.saved_at if self.recovery.saved_at else None,
            "items": len(replica.catalog),
            "events_folded": replica.state.events,
            "newest_timestamp": replica.state.newest / 1000,
        }


