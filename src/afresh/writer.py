"""The writer: one thread that admits, makes durable, folds, and only then acknowledges.

Whatever waits when a commit ends goes into the next one, so a lone event waits for nobody
and a crowd shares its commits. Nothing is acknowledged that is not on disk and in
the state.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from afresh.errors import AfreshError, NotFound, Overloaded, Unavailable
from afresh.events.admission import Admission, Admitted
from afresh.events.batch import EventBatch
from afresh.events.columnar import Columnar
from afresh.events.verdict import Rejection
from afresh.items import ItemDecoder, deletion
from afresh.log import LateEvent, Log, Pending
from afresh.store.replica import Replica
from afresh.submission import ItemChange, Outcome, Submission, settle, shares

_log = structlog.get_logger("afresh.writer")


@dataclass(slots=True)
class Counters:
    """Totals since the process started."""

    accepted: int = 0
    duplicates: int = 0
    late: int = 0
    commits: int = 0
    rejected: dict[str, int] = field(default_factory=dict)


class Writer:
    """The only thread that appends to the log and folds into the replica.

    queue_events bounds what may wait; group_events what one commit takes. `idle` is called
    by the thread itself between groups.
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
        self.columnar = Columnar(replica.plan.events)
        self.items = ItemDecoder(replica.plan.catalog)
        self.queue_events, self.group_events, self.idle = queue_events, group_events, idle
        self.counters = Counters()
        self.waiting = 0
        self.failure: AfreshError | None = None
        self._queue: deque[Submission] = deque()
        self._wake = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._run, name="afresh-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._wake:
            self._open = False
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()

    def submit(self, submission: Submission) -> None:
        """Queue a submission. Raises Overloaded when too much waits, Unavailable when closed."""
        with self._wake:
            if not self._open:
                raise Unavailable("The server is stopping.", hint="Send it again in a moment.")
            if self.waiting and self.waiting + submission.size > self.queue_events:
                raise Overloaded(f"{self.waiting:,} events wait to be written already.")
            self.waiting += submission.size
            self._queue.append(submission)
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._queue:
                    if not self._open:
                        return
                    self._wake.wait(timeout=1.0)
                group = self._take()
            if group:
                self._write(group)
                with self._wake:
                    self.waiting -= sum(s.size for s in group)
            try:
                self.idle()
            except Exception:
                _log.exception("housekeeping_failed")

    def _take(self) -> list[Submission]:
        """The next submissions that share a commit: all events, or all item changes."""
        group: list[Submission] = []
        size = 0
        while self._queue and (not group or size + self._queue[0].size <= self.group_events):
            if group and bool(self._queue[0].changes) != bool(group[0].changes):
                break
            group.append(self._queue.popleft())
            size += group[-1].size
        return group

    def _write(self, group: list[Submission]) -> None:
        try:
            outcomes = self._write_items(group) if group[0].changes else self._write_events(group)
        except Exception as error:
            if not isinstance(error, AfreshError):
                _log.exception("write_failed")
                error = Unavailable(f"The log could not be written: {error}.")
            self.failure = error
            settle(group, [error] * len(group))
            return
        self.failure = None
        settle(group, outcomes)

    def _write_events(self, group: list[Submission]) -> list[Outcome | AfreshError]:
        events = group[0].events if len(group) == 1 else [e for s in group for e in s.events]
        columns = self.columnar.columns(events)
        admitted = self.admission.admit(columns.batch, _now())
        arrival = self.admission.clock
        try:
            self._append(admitted, arrival)
        except Exception:
            self.admission.take_back(admitted)
            raise
        offset = self.replica.offset
        if admitted.batch.n:
            offset = self.log.end
            self.replica.fold_events(admitted.batch, offset)
        rows = columns.rows
        rejected = columns.rejected + [
            Rejection(int(rows[r.index]), r.code, r.path, r.detail) for r in admitted.rejected
        ]
        duplicates = rows[admitted.duplicates]
        self._count(admitted, rejected)
        return list(shares(group, duplicates.tolist(), rejected, offset))

    def _append(self, admitted: Admitted, arrival: int) -> None:
        batch = admitted.batch
        late = [LateEvent(arrival, ts, payload) for ts, payload in admitted.late]
        if batch.n:
            self.log.append([pending(batch, arrival)], late)
        elif late:
            self.log.append([], late)

    def _count(self, admitted: Admitted, rejected: list[Rejection]) -> None:
        c = self.counters
        c.commits += 1
        c.accepted += admitted.batch.n
        c.duplicates += len(admitted.duplicates)
        c.late += len(admitted.late)
        for r in rejected:
            c.rejected[r.code] = c.rejected.get(r.code, 0) + 1

    def _write_items(self, group: list[Submission]) -> list[Outcome | AfreshError]:
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


def pending(batch: EventBatch, arrival: int, *, imported: bool = False) -> Pending:
    """A batch as the log takes it."""
    low, high = int(batch.ts.min()), int(batch.ts.max())
    return Pending("events", batch.n, low, high, arrival, batch.encode(), imported)


def _now() -> int:
    return time.time_ns() // 1_000_000
