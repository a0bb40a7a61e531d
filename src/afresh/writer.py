"""The writer: what waits is admitted, made durable, folded, and only then acknowledged.

Whatever waits when a commit ends goes into the next one, so a lone event waits for nobody
and a crowd shares its commits. One thread turns events into columns and admits them; while it
prepares a group, the committer writes and folds the one before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from afresh.committer import Committer, Job, as_afresh_error
from afresh.counters import Counters
from afresh.errors import AfreshError
from afresh.events.admission import Admission
from afresh.events.batch import EventBatch
from afresh.events.columnar import Columnar
from afresh.inbox import Inbox
from afresh.items import ItemDecoder
from afresh.log import Log, Pending
from afresh.records import resolved
from afresh.store.replica import Replica
from afresh.submission import Outcome, Submission, settle

SMALL = 128
"""A group of fewer events is committed by the thread that admitted it, if nothing is under way."""

TURN_S = 0.002
"""The most that the writer waits for the event loop to answer a small group."""

_log = structlog.get_logger("afresh.writer")


class Writes(Protocol):
    """What a runtime asks of whoever makes durable what it is sent."""

    inbox: Inbox
    items: ItemDecoder

    @property
    def counters(self) -> Counters: ...

    @property
    def failure(self) -> AfreshError | None:
        """Why the last write failed; None when it did not."""

    @property
    def broken(self) -> AfreshError | None:
        """Why the state no longer follows the log; None when it does."""

    @property
    def folded(self) -> list[Callable[[EventBatch], None]]:
        """Who hears of the events of each group, folded."""

    def start(self) -> None: ...

    def submit(self, submission: Submission) -> None:
        """Queue a submission. Raises Overloaded when too much waits, Unavailable when closed."""

    def submit_all(self, submissions: list[Submission]) -> None:
        """Queue submissions that came together; one that cannot be taken is settled with why."""

    def close(self) -> None:
        """Finish what waits, then stop."""


class Writer:
    """Admits submissions in order; with its committer, all that appends to the log and folds.

    queue_events bounds what may wait; group_events what one commit takes. `idle` is called
    between commits, by whoever committed last.
    """

    def __init__(
        self,
        log: Log,
        replica: Replica,
        admission: Admission,
        *,
        queue_events: int,
        group_events: int,
        idle: Callable[[], None],
    ) -> None:
        self.log, self.replica, self.admission = log, replica, admission
        self.columnar = Columnar(replica.plan.accepted)
        self.items = ItemDecoder(replica.plan.catalog)
        self.inbox = Inbox(queue_events, group_events)
        self.committer = Committer(log, replica, admission, self.inbox.done, idle)
        self._answering = False
        self._thread = threading.Thread(target=self._run, name="afresh-writer", daemon=True)

    @property
    def counters(self) -> Counters:
        return self.committer.counters

    @property
    def failure(self) -> AfreshError | None:
        return self.committer.failure

    @property
    def broken(self) -> AfreshError | None:
        return self.committer.broken

    @property
    def folded(self) -> list[Callable[[EventBatch], None]]:
        return self.committer.folded

    def start(self) -> None:
        self.committer.start()
        self._thread.start()

    def close(self) -> None:
        self.inbox.close()
        if self._thread.is_alive():
            self._thread.join()
        self.committer.close()

    def submit(self, submission: Submission) -> None:
        self.inbox.put(submission)

    def submit_all(self, submissions: list[Submission]) -> None:
        self.inbox.put_all(submissions)

    def _run(self) -> None:
        while True:
            self.committer.wait_for_room()
            with self.inbox.wake:
                if self._answering:
                    # A loop that hangs, or is gone, holds nobody up.
                    self.inbox.wake.wait_for(lambda: not self._answering, TURN_S)
                    self._answering = False
                group = self.inbox.take()
            if not group:
                return
            try:
                if group[0].kind == "events":
                    self._write_events(group)
                else:
                    self._write_records(group)
            except Exception as error:
                # What the committer was handed it settles itself.
                settle(group, [as_afresh_error(error)] * len(group))
                self.inbox.done(group)

    def _write_events(self, group: list[Submission]) -> None:
        events = group[0].events if len(group) == 1 else [e for s in group for e in s.events]
        columns = self.columnar.columns(events)
        with self.committer.admitting:
            admitted = self.admission.admit(columns.batch, _now())
            job = Job(group, columns, admitted, self.admission.clock)
            lone = admitted.batch.n < SMALL and self.committer.is_idle()
            if not lone:
                self.committer.put(job)
        if lone:
            self.committer.run(job)
            self._let_answer(group)

    def _let_answer(self, group: list[Submission]) -> None:
        """Before the next group, let the event loop answer this one and read what comes of it.

        Both want the interpreter, so that going on would slow the answers down, and the callers
        who get theirs now ask again at once: they share the next commit.
        """
        loop = group[0].loop
        if loop is None or len(group) == 1:
            return
        self._answering = True
        try:
            loop.call_soon_threadsafe(loop.call_soon, self._answered)
        except RuntimeError:
            self._answering = False  # the loop is closed

    def _answered(self) -> None:
        with self.inbox.wake:
            self._answering = False
            self.inbox.wake.notify()

    def _write_records(self, group: list[Submission]) -> None:
        """Records see every event before them folded, and every event after sees them."""
        with self.committer.alone():
            try:
                if self.committer.broken is not None:
                    raise self.committer.broken
                outcomes = self._learned(group) if group[0].weights else self._apply(group)
            except Exception as error:
                self.committer.failed(error)
                raise
        settle(group, outcomes)
        self.inbox.done(group)

    def _learned(self, group: list[Submission]) -> list[Outcome | AfreshError]:
        """Write the last of some records of weights; the others were never in force."""
        self.admission.clock = max(self.admission.clock, _now())
        at, payload = self.admission.clock, group[-1].weights or b""
        self.log.append([Pending("weights", 1, at, at, at, payload)])
        self.replica.fold_weights(payload, self.log.end)
        return [Outcome(accepted=1, place=self.replica.place) for _ in group]

    def _apply(self, group: list[Submission]) -> list[Outcome | AfreshError]:
        records, outcomes = resolved(group, self.items, self.replica.catalog, {})
        if records:
            self.admission.clock = max(self.admission.clock, _now())
            at, payload = self.admission.clock, b"\n".join([line for _, line in records])
            self.log.append([Pending("items", len(records), at, at, at, payload)])
            self.replica.fold_items(payload, self.log.end)
        for outcome in outcomes:
            if isinstance(outcome, Outcome):
                outcome.place = self.replica.place
        return outcomes


def _now() -> int:
    return time.time_ns() // 1_000_000
