"""Recovery and housekeeping: snapshots, folding the log again, retention."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import structlog

from afresh.backfill import Backfill
from afresh.errors import AfreshError
from afresh.events.admission import Admission
from afresh.events.batch import EventBatch, decode_batch
from afresh.features.dump import Arrays
from afresh.log import Log
from afresh.log.ahead import read_ahead
from afresh.log.sqlite import SqliteLog
from afresh.settings import Settings
from afresh.store.replica import Replica
from afresh.store.snapshot import Header, newest_snapshots, snapshot_offset, write_snapshot

Progress = Callable[[str, int, int], None]
"""progress(stage, records done, records in all)."""

PACK = 100_000
"""Records folded at a start that leave slack worth giving back."""

AT_ONCE = 50_000
"""A log of no more records is folded again before answers: it takes a fraction of a second."""

RETENTION_EVERY_S = 60.0

_TRIMMED = "Retention dropped the records before it; what a new definition asks of them is unknown."

_log = structlog.get_logger("afresh.recovery")


def silent(stage: str, done: int, total: int) -> None:
    """A progress that nobody watches."""


def _from_nothing() -> None:
    """Without a snapshot the whole log is folded."""


def rebuild(
    log: Log,
    replica: Replica,
    snapshots: Path,
    progress: Progress = silent,
    otherwise: Callable[[], None] = _from_nothing,
) -> int | None:
    """Restore the newest good snapshot, then fold the log from there to its end. Returns the
    snapshot's offset; None: there was none, and `otherwise` was called before the fold."""
    saved = None
    if replica.restore(snapshots, log.id, log.start, log.end):
        saved = replica.offset
    else:
        otherwise()
        if log.start:
            told: dict[str, Any] = {"first_offset": log.start, "hint": _TRIMMED}
            if replica.warming is not None:
                told["features"] = list(replica.warming.farther)
            _log.warning("folded_without_the_past", **told)
    first, total = replica.offset, log.end - replica.offset

    def folded(_: EventBatch | None) -> None:
        replica.tidy()
        progress("fold", replica.offset - first, total)

    fold_on(log, replica, folded)
    if total > PACK:
        replica.pack()
    return saved


def fold_on(log: Log, replica: Replica, folded: Callable[[EventBatch | None], None]) -> None:
    """Fold what the log holds beyond the replica's offset; `folded` hears of each entry, with its
    events if it holds events."""
    end = log.end
    entries = log.read(replica.offset, end)
    if end - replica.offset > AT_ONCE:
        entries = read_ahead(entries)
    for entry in entries:
        folded(replica.apply(entry))
    # The last entries may have been erased: their offsets count all the same.
    replica.offset = max(replica.offset, end)


class Recovery:
    """Brings a replica up to its log at start, and keeps the next start short."""

    def __init__(
        self, log: SqliteLog, replica: Replica, admission: Admission, settings: Settings
    ) -> None:
        self.log, self.replica, self.admission, self.settings = log, replica, admission, settings
        self.folder = log.path.parent / "snapshots"
        self.saved_offset = 0
        self.saved_at = 0.0
        self._tried_at = time.monotonic()
        self._trimmed_at = time.monotonic()
        self._saving: threading.Thread | None = None
        self.backfill: Backfill | None = None

    def recover(self, progress: Progress = silent, *, background: bool = False) -> None:
        """Restore the newest good snapshot, then fold the log from there to its end.

        Where there is only one of another definition, the whole log is folded; with `background`
        that is left to a `backfill`, to be started, and the replica answers meanwhile from the
        old one's facts.
        """
        log = self.log
        self.admission.clock = log.arrival
        remembered = log.arrival - self.admission.known.horizon_s * 1000
        start = self._take_over if background and log.end - log.start > AT_ONCE else _from_nothing
        saved = rebuild(log, self.replica, self.folder, progress, start)
        if saved is not None:
            self.saved_offset, self.saved_at = saved, time.time()
        self._remember(remembered)

    def _take_over(self) -> None:
        """Answer from the facts of the definition before, if that can be."""
        log, replica = self.log, self.replica
        why = replica.take_over(self.folder, log.id, log.start, log.end)
        if why:
            _log.info("folding_before_answers", reason=why)
        elif replica.warming is not None:
            self.admission.catalog = replica.catalog
            self.backfill = Backfill(log, replica.plan, replica.room.beside())
            w = replica.warming
            warming = {"features": list(w.features), "trends": sorted(w.trends), "lists": w.lists}
            _log.info("backfill_started", records=self.backfill.total, **warming)

    def _remember(self, since: int) -> None:
        """Teach the door the ids that a live copy may still bear."""
        since = max(since, 0)
        for entry in self.log.since(since, imported_from=since):
            if entry.kind == "events" and entry.held:
                batch = decode_batch(entry.payload)
                if entry.imported:
                    batch = batch.take(batch.ts >= since)
                if batch.n:
                    self.admission.remember(batch, entry.arrival)

    def housekeeping(self) -> None:
        """Called by whoever folds, between commits: a snapshot or a trim when due."""
        self.replica.tidy()
        now = time.monotonic()
        if self.backfill is not None and self.backfill.near.is_set():
            self._go_on_from(self.backfill)
        grown = self.replica.offset - self.saved_offset
        due = grown >= self.settings.snapshot_every_events or (
            grown > 0 and now - self._tried_at >= self.settings.snapshot_every_seconds
        )
        saving = self._saving is not None and self._saving.is_alive()
        if due and not saving and self.backfill is None:
            self._tried_at = now
            self._saving = threading.Thread(
                target=self._save, args=self._copy(), name="afresh-snapshot", daemon=True
            )
            self._saving.start()
        if now - self._trimmed_at >= RETENTION_EVERY_S:
            self._trimmed_at = now
            self.trim()

    def _go_on_from(self, backfill: Backfill) -> None:
        if backfill.finish(self.replica):
            self.admission.catalog = self.replica.catalog
            self.backfill = None
            self._tried_at = -math.inf  # a snapshot is due: the next start should find it

    def _copy(self) -> tuple[Header, Arrays]:
        return self.replica.copy(self.log.id)

    def _save(self, header: Header, arrays: Arrays) -> None:
        try:
            write_snapshot(self.folder, header, arrays)
        except (AfreshError, OSError) as error:
            _log.warning("snapshot_failed", reason=str(error))
            return
        self.saved_offset, self.saved_at = header.offset, time.time()

    def trim(self) -> None:
        """Retention: drop what is older or more than the settings allow and nobody needs.

        Needed are: what the oldest snapshot does not hold (the newer one may turn out
        damaged), what a feature can still read (a new definition folds the log again), and the
        ids that a live copy may still bear.
        """
        age, size = self.settings.log_retention_age, self.settings.log_max_bytes
        kept = list(newest_snapshots(self.folder))
        if (age is None and size is None) or len(kept) < 2:
            return
        log, newest = self.log, self.replica.state.newest
        needed = [snapshot_offset(kept[-1])]
        for entries in (
            log.since(max(log.arrival - self.admission.known.horizon_s * 1000, 0)),
            log.between(max(newest - self.replica.plan.reach, 0), newest + 1),
        ):
            needed += [entry.offset for entry in islice(entries, 1)]
        before = None if age is None else time.time_ns() // 1_000_000 - age
        target = None if size is None else size * 9 // 10
        if self.backfill is not None:
            needed.append(self.backfill.replica.offset)
        self.log.trim(before_arrival=before, max_bytes=target, upto=min(needed))

    def close(self) -> None:
        """Wait for a snapshot on its way; take the last one if anything changed since.

        While a backfill is under way none is taken: what it has folded so far is no state to
        start from, and the other one is of another definition.
        """
        if self._saving is not None:
            self._saving.join()
        if self.backfill is None and self.replica.offset > self.saved_offset:
            self._save(*self._copy())
