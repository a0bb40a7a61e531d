"""The writer: what waits is admitted, made durable, folded, and only then acknowledged.

Whatever waits when a commit ends goes into the next one, so a lone event waits for nobody
and a crowd shares its commits. One thread turns events into columns and admits them; while it
prepares a group, the committer writes and folds the one before.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import structlog

from afresh.committer import Committer, Counters, Job, as_afresh_error
from afresh.errors import AfreshError, NotFound, Overloaded, Unavailable
from afresh.events.admission import Admission
from afresh.events.columnar import Columnar
from afresh.items import ItemDecoder, deletion
from afresh.log import Log, Pending
from afresh.store.replica import Replica
from afresh.submission import ItemChange, Outcome, Submission, settle

SMALL = 128
"""A group of fewer events is committed by the thread that admitted it, if nothing is under way."""

TURN_S = 0.002
"""The most that the writer waits for the event loop to answer a small group."""

_log = structlog.get_logger("afresh.writer")


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
        self.queue_events, self.group_events = queue_events, group_events
        self.waiting = 0
        self.committer = Committer(log, replica, admission, self._done, idle)
        self._queue: deque[Submission] = deque()
        self._wake = threading.Condition()
        self._open = True
        self._answering = False
        self._thread = threading.Thread(target=self._run, name="afresh-writer", daemon=True)

    @property
    def counters(self) -> Counters:
        return self.committer.counters

    @property
    def failure(self) -> AfreshError | None:
        """Why the last commit failed; None when it did not."""
        return self.committer.failure

    def start(self) -> None:
        self.committer.start()
        self._thread.start()

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._wake:
            self._open = False
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()
        self.committer.close()

    def submit(self, submission: Submission) -> None:
        """Queue a submission. Raises Overloaded when too much waits, Unavailable when closed."""
        with self._wake:
            self._enqueue(submission)
            self._wake.notify()

    def submit_all(self, submissions: list[Submission]) -> None:
        """Queue submissions that came together: the writer is woken once, and finds all of them.

        One that cannot be taken is settled with why.
        """
        refused: list[tuple[Submission, AfreshError]] = []
        with self._wake:
            for submission in submissions:
                try:
                    self._enqueue(submission)
                except AfreshError as error:
                    refused.append((submission, error))
            self._wake.notify()
        settle([s for s, _ in refused], [error for _, error in refused])

    def _enqueue(self, submission: Submission) -> None:
        if not self._open:
            raise Unavailable("The server is stopping.", hint="Send it again in a moment.")
        if self.waiting and self.waiting + submission.size > self.queue_events:
            raise Overloaded(f"{self.waiting:,} events wait to be written already.")
        self.waiting += submission.size
        self._queue.append(submission)

    def _done(self, group: list[Submission]) -> None:
        with self._wake:
            self.waiting -= sum(s.size for s in group)

    def _run(self) -> None:
        while True:
            self.committer.wait_for_room()
            with self._wake:
                if self._answering:
                    # A loop that hangs, or is gone, holds nobody up.
                    self._wake.wait_for(lambda: not self._answering, TURN_S)
                    self._answering = False
                while not self._queue and self._open:
                    self._wake.wait()
                if not self._queue:
                    return
                group = self._take()
            try:
                if group[0].kind == "events":
                    self._write_events(group)
                else:
                    self._write_records(group)
            except Exception as error:
                # What the committer was handed it settles itself.
                settle(group, [as_afresh_error(error)] * len(group))
                self._done(group)

    def _take(self) -> list[Submission]:
        """The next submissions that share a commit: all of one kind."""
        group: list[Submission] = []
        size = 0
        while self._queue and (not group or size + self._queue[0].size <= self.group_events):
            if group and self._queue[0].kind != group[0].kind:
                break
            group.append(self._queue.popleft())
            size += group[-1].size
        return group

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
        with self._wake:
            self._answering = False
            self._wake.notify()

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
        self._done(group)

    def _learned(self, group: list[Submission]) -> list[Outcome | AfreshError]:
        """Write the last of some records of weights; the others were never in force."""
        self.admission.clock = max(self.admission.clock, _now())
        at, payload = self.admission.clock, group[-1].weights or b""
        self.log.append([Pending("weights", 1, at, at, at, payload)])
        self.replica.fold_weights(payload, self.log.end)
        return [Outcome(accepted=1, offset=self.replica.offset) for _ in group]

    def _apply(self, group: list[Submission]) -> list[Outcome | AfreshError]:
        outcomes: list[Outcome | AfreshError] = []
        records: list[bytes] = []
        pending_records: dict[str, bytes | None] = {}
        for submission in group:
            try:
                lines = [self._resolve(c, pending_records) for c in submission.changes]
            except AfreshError as error:
                outcomes.append(error)
                continue
            records += lines
            outcomes.append(Outcome(accepted=len(lines)))
        if records:
            self.admission.clock = max(self.admission.clock, _now())
            at, payload = self.admission.clock, b"\n".join(records)
            self.log.append([Pending("items", len(records), at, at, at, payload)])
            self.replica.fold_items(payload, self.log.end)
        for outcome in outcomes:
            if isinstance(outcome, Outcome):
                outcome.offset = self.replica.offset
        return outcomes

    def _resolve(self, change: ItemChange, written: dict[str, bytes | None]) -> bytes:
        """A change as a full record. `written` holds records of this commit, by item."""
        record = change.record
        if record is None:
            current = (
                written[change.item_id]
                if change.item_id in written
                else self.replica.catalog.line(change.item_id)
            )
            if current is None:
                raise NotFound(
                    f"There is no item {change.item_id!r}.",
                    hint="PUT it whole first; the catalogue knows only what was put.",
                )
            if change.patch is None:
                written[change.item_id] = None
                return deletion(change.item_id)
            record = self.items.merged(current, change.patch)
        written[change.item_id] = record
        return record


def _now() -> int:
    return time.time_ns() // 1_000_000
