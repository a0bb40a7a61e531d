"""A run: bring what the log got, then make the facts of each closed day that changed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from afresh.errors import CorruptData
from afresh.features.engines.batch.facts import by_day, facts_of
from afresh.features.plan import DAY_MS, Plan
from afresh.lake import revisions
from afresh.lake.durable import locked, writing
from afresh.lake.events import Reporting, bring, read_days
from afresh.lake.progress import Progress, day_number, load
from afresh.log.sqlite import SqliteLog

PORTION = 250_000
"""Events whose facts are made at once, about: small days together, a larger one alone."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did: events brought, revisions written. The lake then has `days`, of which
    `closed` have facts, as no live event can come before the watermark, UTC ms."""

    events: int
    revisions: int
    offset: int
    newest: int
    watermark: int
    days: int
    closed: int
    seconds: float


def run(
    plan: Plan,
    log: SqliteLog,
    lake: Path,
    *,
    horizon_ms: int,
    progress: Reporting = lambda stage, done, total: None,
) -> Report:
    """Bring a lake up to date with a log. horizon_ms: how late the door lets a live event in.

    Killed anywhere, it leaves a lake that readers can read and the next run completes. Raises
    BadRequest when the lake is of another log, StorageFull when it cannot be written, and
    Unavailable when another run writes it.
    """
    began = time.perf_counter()
    with locked(lake):
        has = load(lake) or Progress(log.id, start=log.start, offset=log.start)
        has.follows(lake, log)
        brought = bring(lake, log, has, progress)
        watermark = has.newest - horizon_ms
        closed = [d for d in sorted(has.days) if (day_number(d) + 1) * DAY_MS <= watermark]
        made = _make(lake, plan, has, closed, progress)
    took = round(time.perf_counter() - began, 3)
    return Report(
        brought, made, has.offset, has.newest, watermark, len(has.days), len(closed), took
    )


def _make(lake: Path, plan: Plan, has: Progress, closed: Iterable[str], progress: Reporting) -> int:
    """Write the revisions that are missing; how many."""
    stale = [
        day
        for day in closed
        if not revisions.is_current(revisions.latest(lake, day), plan, has.days[day])
    ]
    document = lake / "plans" / f"{plan.hash}.json"
    if stale and not document.exists():
        with writing() as made:
            made.place(document).write_bytes(plan.to_json())
    done = 0
    for days in _portions(has, stale):
        frame, places = read_days(lake, days, plan)
        if frame.height != sum(has.days[day].events for day in days):
            raise CorruptData(
                f"The lake {lake} lacks events between {days[0]} and {days[-1]}: files are gone.",
                hint="Begin a new lake in another folder: the log holds the events.",
            )
        newest = dict(frame.group_by("day").agg(pl.col("timestamp").max()).iter_rows())
        facts = facts_of(plan, frame, places).frames()
        none = {kind: rows.clear().drop("day") for kind, rows in facts.items()}
        parts = {kind: dict(by_day(rows)) for kind, rows in facts.items()}
        with writing() as made:
            for name in days:
                number, day = day_number(name), has.days[name]
                what = revisions.Made(plan.hash, day.changed, day.events, newest[number])
                mine = {kind: parts[kind].get(number, none[kind]) for kind in parts}
                revisions.write(made, lake, name, what, mine)
                done += 1
                progress("days", done, len(stale))
    return done


def _portions(has: Progress, days: Iterable[str]) -> Iterator[list[str]]:
    portion, held = list[str](), 0
    for day in days:
        if portion and held + has.days[day].events > PORTION:
            yield portion
            portion, held = [], 0
        portion.append(day)
        held += has.days[day].events
    if portion:
        yield portion
