"""A runtime: one app's log, state and answers in one process.

An event goes in at `post_events`: decoded here, admitted, made durable and folded by the
writer, acknowledged. A request comes in at `recommend` and is answered from the
replica. Everything else is opening, closing and asking how things are.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from afresh.app import App
from afresh.errors import AfreshError
from afresh.events.admission import Admission
from afresh.events.batch import EventBatch
from afresh.events.decode import EventDecoder
from afresh.events.verdict import Rejection
from afresh.features.room import Room
from afresh.learner import Learner
from afresh.log.sqlite import SqliteLog
from afresh.log.token import Place, write_token
from afresh.recovery import Progress, Recovery, silent
from afresh.service import Receipt, Service, Settled
from afresh.settings import Settings
from afresh.store.opening import open_store
from afresh.store.replica import Replica
from afresh.store.writing import Writing
from afresh.submission import ItemChange, Outcome, Submission
from afresh.warm import warm
from afresh.writer import Writer, Writes


class Feed(Protocol):
    def start(self) -> None: ...

    def close(self) -> None: ...


class Runtime(Service):
    """Opened with `Runtime.open`; close it, so that the next start is fast."""

    def __init__(self, app: App, settings: Settings, log: SqliteLog, replica: Replica) -> None:
        super().__init__(app, settings, log, replica, log.path.parent)
        self.store = log
        self.admission = Admission(
            replica.catalog, horizon_ms=settings.admission_horizon, linked=replica.user_of
        )
        self.recovery = Recovery(log, replica, self.admission, settings)
        self.decoder = EventDecoder(self.plan.accepted, max_events=settings.max_request_events)
        self.feeds: list[Feed] = []
        """What hands events over by itself; closed before the rest."""
        self._gathered: list[Submission] = []
        self._token: tuple[tuple[int, ...], int, str] = ((), 0, "")
        self.writer = self.make_writer()
        self.writing: Writing | None = None
        """Writes what is folded into a store for others, where one is set."""
        if settings.store is not None and settings.store_write:
            self.writing = Writing(replica, log, open_store(settings), settings.store_prefix)
        self.learned_vectors.every = settings.vectors_every
        self.learner = Learner(
            replica, self.surfaces.examples, self._write_weights,
            per_second=settings.learn_per_second,
        )  # fmt: skip

    def make_writer(self) -> Writes:
        """What makes durable and folds what is sent."""
        return Writer(
            self.store,
            self.replica,
            self.admission,
            queue_events=self.settings.queue_events,
            group_events=self.settings.group_events,
            idle=self.keep_house,
        )

    @classmethod
    def open(
        cls, app: App, folder: Path, settings: Settings, *, progress: Progress = silent
    ) -> Runtime:
        """Restore the newest snapshot, fold what the log has beyond it, start the writer.

        A definition that changed answers at once, as far as the old one's facts go, while the
        log is folded again beside it (`recovery.backfill`).

        progress(stage, done, total) is called as kernels are made ready (stage `kernels`: about
        a minute on a new machine, then half a second) and as the log is folded, in records.
        """
        plan = app.plan()
        progress("kernels", 0, 1)
        warm(plan, app.surfaces)
        progress("kernels", 1, 1)
        log = SqliteLog(folder, app=app.name, max_bytes=settings.log_max_bytes)
        try:
            runtime = cls(app, settings, log, Replica(plan, Room(settings.state_memory, folder)))
            runtime.recover(progress)
        except BaseException:
            log.close()
            raise
        runtime.start()
        return runtime

    def recover(self, progress: Progress) -> None:
        """Bring the state up to the log."""
        self.recovery.recover(progress, background=True)
        with self.replica.lock:
            self.surfaces.prepare()

    def start(self) -> None:
        """Take events and requests from now on."""
        self.writer.start()
        if self.recovery.backfill is not None:
            self.recovery.backfill.start()
        if self.writing is not None:
            self.on_folded(self.writing.wake)
            self.writing.start()
        self.write_vectors()
        self.promoted.start()
        self.learned_vectors.start()
        self.learn()

    def close(self) -> None:
        """Finish what was submitted, take a snapshot, release the log."""
        for feed in self.feeds:
            feed.close()
        self.learner.close()
        self.promoted.close()
        self.learned_vectors.close()
        self.traces.close()
        self.writer.close()
        if self.writing is not None:
            self.writing.close()
        super().close()
        try:
            if self.recovery.backfill is not None:
                self.recovery.backfill.close()
            if self.writer.broken is None:
                self.recovery.close()
        finally:
            self.store.close()

    def learn(self) -> None:
        """Learn from what people do from now on, if a surface scores with what is learned."""
        if any(surface.scorer == "learned" for surface in self.app.surfaces):
            self.learner.start()
            self.on_folded(self.learner.hear)

    def keep_house(self) -> None:
        self.recovery.housekeeping()
        with self.replica.lock:
            self.surfaces.tidy()

    def _write_weights(self, record: bytes) -> None:
        self._submit(Submission(weights=record))

    # Events and items go in.

    async def post_events(self, body: bytes, *, lines: bool = False) -> Receipt:
        decoded = self.decoder.decode(body, lines=lines)
        outcome = await self._submit_async(Submission(decoded.events, decoded.index))
        return self._receipt(outcome, decoded.rejected)

    def take_events(self, body: bytes, then: Settled, *, lines: bool = False) -> None:
        decoded = self.decoder.decode(body, lines=lines)
        refused = decoded.rejected
        submission = Submission(decoded.events, decoded.index)
        if not decoded.events:
            then(self._receipt(Outcome(place=self.replica.place), refused))
            return

        def settled(outcome: Outcome | AfreshError) -> None:
            if isinstance(outcome, AfreshError):
                then(outcome)
            else:
                then(self._receipt(outcome, refused))

        loop = asyncio.get_running_loop()
        submission.loop, submission.then = loop, settled
        if not self._gathered:
            loop.call_soon(self._submit_gathered)
        self._gathered.append(submission)

    def _submit_gathered(self) -> None:
        """Hand on what one turn of the event loop read.

        A writer woken by the first of many would take turns with the loop for the interpreter.
        """
        gathered, self._gathered = self._gathered, []
        self.writer.submit_all(gathered)

    def ingest(self, body: bytes, *, lines: bool = False) -> Receipt:
        """As `post_events`, waiting in this thread."""
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
        decoded = self.writer.items.lines(body)
        changes = [ItemChange(item_id, record) for item_id, record in decoded.records]
        return self._receipt(
            await self._submit_async(Submission(changes=changes)), decoded.rejected
        )

    async def put_item(self, item_id: str, values: Mapping[str, Any]) -> Receipt:
        change = ItemChange(item_id, self.writer.items.record(item_id, values))
        return self._receipt(await self._submit_async(Submission(changes=[change])), [])

    async def patch_item(self, item_id: str, changes: dict[str, Any]) -> Receipt:
        change = ItemChange(item_id, patch=changes)
        return self._receipt(await self._submit_async(Submission(changes=[change])), [])

    async def delete_item(self, item_id: str) -> Receipt:
        change = ItemChange(item_id)
        return self._receipt(await self._submit_async(Submission(changes=[change])), [])

    def _submit(self, submission: Submission) -> Outcome:
        if not submission.size:
            return Outcome(place=self.replica.place)
        self.writer.submit(submission)
        return submission.future.result()

    async def _submit_async(self, submission: Submission) -> Outcome:
        if not submission.size:
            return Outcome(place=self.replica.place)
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
        token = self._token_at(outcome.place, self.replica.state.newest)
        return Receipt(outcome.accepted, outcome.duplicates, rejected, token)

    def _token_at(self, place: tuple[int, ...], newest: int) -> str:
        """The token of a place; those of one commit share theirs."""
        known = self._token
        if known[0] != place or known[1] != newest or not known[2]:
            known = (place, newest, write_token(Place(self.log.id, place, newest)))
            self._token = known
        return known[2]

    def on_folded(self, hear: Callable[[EventBatch], None]) -> None:
        self.writer.folded.append(hear)

    # How things are.

    def ready(self) -> tuple[bool, str]:
        """Whether events can be taken and answers follow the log; and if not, why."""
        if self.writer.failure is not None:
            return False, self.writer.failure.message
        behind = self.log.end - self.replica.offset
        if behind > 0 and not self.writer.inbox.waiting:
            return False, f"The state is {behind:,} records behind the log."
        return True, ""

    def stats(self) -> dict[str, Any]:
        c, replica, backfill = self.writer.counters, self.replica, self.recovery.backfill
        return {
            "accepted": c.accepted,
            "duplicates": c.duplicates,
            "late": c.late,
            "copies": 0,
            "commits": c.commits,
            "rejected": dict(c.rejected),
            "left_out": dict(self.left_out),
            "queue_depth": self.writer.inbox.waiting,
            "fold_lag": max(self.log.end - replica.offset, 0),
            "fold_seconds": replica.fold_ms / 1000,
            "log_bytes": self.store.bytes_used(),
            "log_records": self.log.end - self.log.start,
            "state_bytes": replica.state.memory(),
            "snapshot_age": time.time() - self.recovery.saved_at
            if self.recovery.saved_at
            else None,
            "vectors_age": self.learned_vectors.age(),
            "items": len(replica.catalog),
            "events_folded": replica.state.events,
            "newest_timestamp": replica.state.newest / 1000,
            "backfill": (backfill.done, backfill.total) if backfill else (0, 0),
            "store": self.writing.counts() if self.writing else None,
            **self.vector_counts(),
        }
