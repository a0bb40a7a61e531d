"""Files in and out: history into the log, the log into files.

An import takes events of any age in any order. It is exact about duplicates, of the file
and of the whole log: ids are compared, and an event without one gets an id made of its
content and its occurrence number, so that the same file twice is the same events once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from afresh.app import App
from afresh.committer import pending
from afresh.events.admission import HOUR_MS, Admission, as_said, lower_timestamps
from afresh.events.batch import EventBatch, decode_batch
from afresh.events.duplicates import CONFLICT, DUPLICATE, NEW, Duplicates
from afresh.events.hashing import hash_content, hash_ids
from afresh.events.occurrence import Occurrences
from afresh.features.facts import total_order
from afresh.features.plan import Plan
from afresh.log import Pending
from afresh.log.files import (
    Reject,
    batch_to_frame,
    frame_to_columns,
    frame_to_records,
    read_events,
    read_items,
    write_events,
)
from afresh.log.files.columns import FrameColumns, empty_batch
from afresh.log.files.rejects import Rejects
from afresh.log.sqlite import SqliteLog
from afresh.recovery import Recovery
from afresh.settings import Settings
from afresh.store.replica import Replica

Progress = Callable[[str, int, int], None]
"""progress(stage, done, total): stages items, ids, events, fold, in rows, records or bytes."""

ENTRY = 10_000
"""Events of one entry of the log."""
CHUNK = 100_000
"""Events read, written and folded at a time."""
EXPORT = 200_000
"""Events sorted at a time by an export."""
FOREVER = 1 << 31
"""Seconds: an import forgets no id."""


@dataclass(slots=True)
class ImportReport:
    """What an import did. rejects: the first of them; counts are of all."""

    events: int = 0
    duplicates: int = 0
    items: int = 0
    rejected: int = 0
    seconds: float = 0.0
    rejects: list[Reject] = field(default_factory=list)

    def refuse(self, rejects: Rejects) -> None:
        self.rejected += len(rejects)
        self.rejects += rejects.first


def import_files(
    app: App,
    folder: Path,
    settings: Settings,
    *,
    events: Path | None = None,
    items: Path | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> ImportReport:
    """Bring files into the log in `folder` and fold them; items first.

    What cannot be read is rejected row by row. Raises BadRequest when a file as a
    whole cannot be read, Unavailable when a server holds the folder.
    """
    started = time.perf_counter()
    report = ImportReport()
    plan = app.plan()
    log = SqliteLog(folder, app=app.name)
    try:
        replica = Replica(plan)
        admission = Admission(replica.catalog, horizon_ms=settings.admission_horizon)
        recovery = Recovery(log, replica, admission, settings)
        recovery.recover(progress)
        if items is not None:
            _import_items(log, replica, admission, items, report, progress)
        if events is not None:
            _EventImport(log, replica, admission, report, progress).run(events)
        replica.pack()
        recovery.close()
        log.checkpoint()
    finally:
        log.close()
    report.seconds = time.perf_counter() - started
    return report


def _import_items(
    log: SqliteLog,
    replica: Replica,
    admission: Admission,
    path: Path,
    report: ImportReport,
    progress: Progress,
) -> None:
    reading = read_items(path)
    for frame in reading:
        records = frame_to_records(frame, replica.plan.catalog.fields)
        reading.rejects.extend(records.rejected)
        if records.lines:
            arrival = admission.clock = max(admission.clock, _now())
            payload = b"\n".join(records.lines)
            log.append([Pending("items", len(records.lines), arrival, arrival, arrival, payload)])
            replica.fold_items(payload, log.end)
            report.items += len(records.lines)
        progress("items", reading.done, reading.total)
    progress("items", reading.total, reading.total)
    report.refuse(reading.rejects)


class _EventImport:
    """One file of events on its way into the log.

    The next portion is read while this one is written and folded.
    """

    def __init__(
        self,
        log: SqliteLog,
        replica: Replica,
        admission: Admission,
        report: ImportReport,
        progress: Progress,
    ) -> None:
        self.log, self.replica, self.admission = log, replica, admission
        self.report, self.progress = report, progress
        self.known = Duplicates(horizon_s=FOREVER)
        self.occurrences = Occurrences()

    def run(self, path: Path) -> None:
        self._learn_ids()
        reading = read_events(path, chunk=CHUNK)
        frames = iter(reading)
        with ThreadPoolExecutor(2, "afresh-import") as pool:
            coming = pool.submit(self._next, frames)
            while (columns := coming.result()) is not None:
                done = reading.done
                coming = pool.submit(self._next, frames)
                reading.rejects.extend(columns.rejected)
                self._take(columns, reading.rejects, pool)
                self.progress("events", done, reading.total)
        self.progress("events", reading.total, reading.total)
        self.report.refuse(reading.rejects)

    def _learn_ids(self) -> None:
        """The ids of the whole log: an import may repeat any of them."""
        log = self.log
        for entry in log.read():
            if entry.kind == "events" and entry.held:
                said = as_said(decode_batch(entry.payload))
                seeds = self.admission.seeds
                self.known.admit(hash_ids(said, seeds), hash_content(said, seeds), _now())
                self.progress("ids", entry.end - log.start, log.end - log.start)

    def _next(self, frames: Iterator[pl.DataFrame]) -> FrameColumns | None:
        frame = next(frames, None)
        return None if frame is None else frame_to_columns(frame, self.replica.plan.accepted)

    def _take(self, columns: FrameColumns, rejects: Rejects, pool: ThreadPoolExecutor) -> None:
        batch, now = columns.batch, _now()
        self.occurrences.name(batch)
        seeds = self.admission.seeds
        verdict = self.known.admit(hash_ids(batch, seeds), hash_content(batch, seeds), now)
        ahead = batch.ts > now + HOUR_MS
        rejects.extend(
            Reject(int(row), "conflict", "$.event_id", "Another event with this id came first.")
            for row in columns.rows[(verdict == CONFLICT) & ~ahead]
        )
        rejects.extend(
            Reject(int(row), "in_the_future", "$.timestamp", "It is more than an hour ahead.")
            for row in columns.rows[ahead]
        )
        self.report.duplicates += int(np.count_nonzero((verdict == DUPLICATE) & ~ahead))
        new = np.flatnonzero((verdict == NEW) & ~ahead)
        if not len(new):
            return
        if len(new) < batch.n:
            batch = batch.take(new)
        order = total_order(batch.ts, batch.texts["event_id"])
        if order is not None:
            batch = batch.take(order)
        lower_timestamps(batch, now)
        self.replica.catalog.write_into(batch)
        arrival = self.admission.clock = max(self.admission.clock, now)
        written = pool.submit(self._append, batch, arrival)
        self.replica.fold_events(batch, self.log.end + batch.n)
        self.replica.tidy()
        written.result()
        self.report.events += batch.n

    def _append(self, batch: EventBatch, arrival: int) -> None:
        self.log.append([pending(part, arrival, imported=True) for part in batch.cut(ENTRY)])


def export_events(
    app: App, folder: Path, path: Path, *, progress: Progress = lambda stage, done, total: None
) -> int:
    """Write every event of the log to a file, in total order; how many.

    The folder may be in use by a server meanwhile; what arrives during the export is left out.
    """
    plan = app.plan()
    log = SqliteLog(folder, app=app.name, readonly=True)
    try:
        return write_events(path, _ordered(log, plan, progress))
    finally:
        log.close()


def _ordered(log: SqliteLog, plan: Plan, progress: Progress) -> Iterator[pl.DataFrame]:
    """Frames in the order (timestamp, event_id).

    Timestamps are read first and cut into ranges of about EXPORT events; each range is then
    read by the time index and sorted, so memory does not grow with the log.
    """
    end, done = log.end, 0
    stamps = [
        decode_batch(e.payload).ts for e in log.read(until=end) if e.kind == "events" and e.held
    ]
    ts = np.sort(np.concatenate(stamps)) if stamps else np.empty(0, np.int64)
    edges = [*np.unique(ts[::EXPORT]).tolist(), int(ts[-1]) + 1] if len(ts) else []
    if not edges:
        yield batch_to_frame(empty_batch(plan.accepted), plan.accepted)
    for low, high in pairwise(edges):
        frames = []
        for entry in log.between(low, high):
            if entry.offset < end and entry.held:
                batch = decode_batch(entry.payload)
                batch = batch.take((batch.ts >= low) & (batch.ts < high))
                if batch.n:
                    frames.append(batch_to_frame(batch, plan.accepted))
        frame = pl.concat(frames, how="vertical_relaxed").sort("timestamp", "event_id")
        done += frame.height
        progress("export", done, len(ts))
        yield frame


def _now() -> int:
    return time.time_ns() // 1_000_000
