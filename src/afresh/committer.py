"""The committer: one group of admitted events at a time, durable, folded, acknowledged.

A group is folded while the next one is on its way to the disk: a commit mostly waits.

When a commit fails, so does every group admitted after it: their verdicts rested on
events that never became durable. The door forgets them all, so a retry is new again.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from afresh.counters import Counters, rejections
from afresh.errors import AfreshError, Unavailable
from afresh.events.admission import Admission, Admitted
from afresh.events.batch import EventBatch
from afresh.events.columnar import Columns
from afresh.log import LateEvent, Log, Pending
from afresh.store.replica import Replica
from afresh.submission import Submission, settle, shares

AHEAD = 1
"""Groups that may wait, admitted, behind the one being committed."""

OVERLAP = 2_048
"""A group of fewer events waits for the fold before it: small groups cost more an event, and
what comes meanwhile shares the next commit."""

IDLE_EVERY_S = 1.0

_log = structlog.get_logger("afresh.committer")


@dataclass(slots=True)
class Job:
    """A group with its verdicts, on its way to the disk. arrival: UTC ms."""

    group: list[Submission]
    columns: Columns
    admitted: Admitted
    arrival: int


class Committer:
    """Appends and folds admitted groups in their order.

    `admitting` is held while a group is admitted and queued, and while a failure is taken
    back. `done` hears of each settled group, `folded` of its events; `idle` runs now and then
    between commits.
    """

    def __init__(
        self,
        log: Log,
        replica: Replica,
        admission: Admission,
        done: Callable[[list[Submission]], None],
        idle: Callable[[], None],
    ) -> None:
        self.log, self.replica, self.admission = log, replica, admission
        self.done, self.idle = done, idle
        self.counters = Counters()
        self.folded: list[Callable[[EventBatch], None]] = []
        self.failure: AfreshError | None = None
        self.broken: AfreshError | None = None
        self.admitting = threading.Lock()
        self._turn = threading.Lock()
        self._jobs: deque[Job] = deque()
        self._busy = False
        self._changed = threading.Condition()
        self._open = True
        self._folding: Future[None] | None = None
        self._folder = ThreadPoolExecutor(1, "afresh-fold")
        self._kept_house_at = 0.0
        self._thread = threading.Thread(target=self._run, name="afresh-committer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self._folder.shutdown()

    def is_idle(self) -> bool:
        return not self._jobs and not self._busy and self._folded()

    def _folded(self) -> bool:
        return self._folding is None or self._folding.done()

    def wait_for_room(self) -> None:
        with self._changed:
            while len(self._jobs) >= AHEAD:
                self._changed.wait()

    def put(self, job: Job) -> None:
        """Queue a job; the caller holds `admitting`."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Everything admitted is settled, and nothing else is under way."""
        with self._changed:
            while not self.is_idle():
                self._changed.wait()
        with self._turn:
            yield

    def run(self, job: Job) -> None:
        """Commit, fold and settle a job in this thread, while nothing else is under way."""
        with self._turn:
            if self._append(job):
                self._fold(job, self.log.end)

    def _run_ahead(self, job: Job) -> None:
        """Commit a job while the one before is folded; its own fold is left under way."""
        with self._turn:
            if job.admitted.batch.n < OVERLAP:
                self._finish_fold()
            if not self._append(job):
                return
            self._finish_fold()
            self._folding = self._folder.submit(self._fold, job, self.log.end)
            self._folding.add_done_callback(self._wake)

    def _finish_fold(self) -> None:
        if self._folding is not None:
            self._folding.result()

    def _wake(self, _: Future[None]) -> None:
        with self._changed:
            self._changed.notify_all()

    def failed(self, error: Exception) -> AfreshError:
        """Note why a commit failed, in words for its callers."""
        self.failure = as_afresh_error(error)
        return self.failure

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._jobs and self._open:
                    self._changed.wait(timeout=IDLE_EVERY_S)
                if not self._jobs and not self._open:
                    return
                job = self._jobs.popleft() if self._jobs else None
                self._busy = True
                self._changed.notify_all()
            if job is not None:
                self._run_ahead(job)
            overdue = time.monotonic() - self._kept_house_at >= IDLE_EVERY_S
            if overdue or (not self._jobs and self._folded()):
                self._keep_house()
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _keep_house(self) -> None:
        try:
            with self._turn:
                self._finish_fold()
                if self.broken is None:
                    self.idle()
        except Exception:
            _log.exception("housekeeping_failed")
        self._kept_house_at = time.monotonic()

    def _append(self, job: Job) -> bool:
        """Make a job's events durable; False: they were refused."""
        batch = job.admitted.batch
        late = [LateEvent(job.arrival, ts, payload) for ts, payload in job.admitted.late]
        try:
            if self.broken is not None:
                raise self.broken
            if batch.n or late:
                self.log.append([pending(batch, job.arrival)] if batch.n else [], late)
        except Exception as error:
            self._refuse(job, self.failed(error))
            return False
        self.failure = None
        return True

    def _fold(self, job: Job, end: int) -> None:
        """Fold and acknowledge a job whose entry ends at `end`.

        A fold that fails leaves the state neither here nor there: nothing more is taken. The
        events are in the log, so the next start folds them from the last snapshot.
        """
        try:
            if self.broken is not None:
                raise self.broken
            if job.admitted.batch.n:
                self.replica.fold_events(job.admitted.batch, end)
            self._acknowledge(job)
        except Exception as error:
            if self.broken is None:
                _log.critical("fold_failed", exc_info=error)
                self.broken = Unavailable(
                    f"The state could not follow the log: {error}.",
                    hint="Start the server again: it folds the log from its last snapshot.",
                )
            self._refuse(job, self.failed(self.broken))

    def _acknowledge(self, job: Job) -> None:
        rejected = rejections(job.columns, job.admitted)
        self.counters.commit(job.admitted, rejected)
        duplicates = job.columns.rows[job.admitted.duplicates].tolist()
        settle(job.group, shares(job.group, duplicates, rejected, self.replica.place))
        self.done(job.group)
        for hear in self.folded:
            hear(job.admitted.batch)

    def _refuse(self, job: Job, error: AfreshError) -> None:
        with self.admitting:
            refused = [job, *self._jobs]
            self._jobs.clear()
            for each in refused:
                self.admission.take_back(each.admitted)
        for each in refused:
            settle(each.group, [error] * len(each.group))
            self.done(each.group)


def pending(batch: EventBatch, arrival: int, *, imported: bool = False) -> Pending:
    """A batch as the log takes it."""
    low, high = int(batch.ts.min()), int(batch.ts.max())
    return Pending("events", batch.n, low, high, arrival, batch.encode(), imported)


def as_afresh_error(error: Exception) -> AfreshError:
    """An error that a caller can be told; an unforeseen one is logged whole."""
    if isinstance(error, AfreshError):
        return error
    _log.error("write_failed", exc_info=error)
    return Unavailable(f"The log could not be written: {error}.")
