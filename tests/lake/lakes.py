"""Logs and lakes for tests: events put into a log by hand, a lake brought up to date with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
from tests.batches import batch_of
from tests.everything import app
from tests.model import DAY, Event

from afresh.committer import pending
from afresh.features.engines.batch.facts import SCHEMAS
from afresh.features.plan import Plan
from afresh.lake import Report, run
from afresh.log.sqlite import SqliteLog

PLAN = app.plan()
HOUR = 3_600_000
START = 20_000 * DAY


def put(log: SqliteLog, events: Sequence[Event], portion: int = 50) -> None:
    """Append events in entries of `portion`."""
    for at in range(0, len(events), portion):
        log.append([pending(batch_of(PLAN, events[at : at + portion]), 30_000 * DAY)])


def bring(log: SqliteLog, lake: Path, plan: Plan = PLAN) -> Report:
    return run(plan, log, lake, horizon_ms=HOUR)


def days_of(n: int, per_day: int = 6, name: str = "") -> list[Event]:
    """Some events on each of n days."""
    kinds = ("view", "buy", "identify")
    return [
        Event(f"{name}{day}-{at}", kinds[at % 3], START + day * DAY + at * HOUR,
              f"u{at % 2}", f"i{at % 4}", f"v{at % 2}", {"price": at, "brand": "red"})
        for day in range(n)
        for at in range(per_day)
    ]  # fmt: skip


def contents(lake: Path) -> dict[str, object]:
    """All that a lake says, without regard to how its files are cut and revisions are numbered."""
    found: dict[str, object] = {}
    for day in sorted((lake / "events").iterdir()):
        files = [pl.read_parquet(path, hive_partitioning=False) for path in day.glob("*.parquet")]
        frame = pl.concat(files, how="diagonal").sort("offset")
        found[f"events/{day.name}"] = frame.select(sorted(frame.columns)).rows()
    for day in sorted((lake / "facts").iterdir()):
        newest = max(day.glob("revision=*"), key=lambda path: int(path.name.split("=")[1]))
        for kind in SCHEMAS:
            frame = pl.read_parquet(newest / f"{kind}.parquet", hive_partitioning=False)
            found[f"facts/{day.name}/{kind}"] = frame.rows()
    return found


def revisions(lake: Path) -> dict[str, int]:
    """By day, how many revisions there are."""
    return {
        day.name.removeprefix("day="): len(list(day.glob("revision=*")))
        for day in sorted((lake / "facts").iterdir())
    }
