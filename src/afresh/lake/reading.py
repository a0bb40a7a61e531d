"""Reading a lake back: facts of a span of days, and what the one reader says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl

from afresh.errors import NotFound
from afresh.features.engines.batch.facts import Facts, living, together
from afresh.features.engines.embedded import State
from afresh.features.from_facts import state_of
from afresh.features.plan import DAY_MS, Plan
from afresh.features.reading import Reader, Value
from afresh.lake import revisions
from afresh.lake.progress import Day, day_name, day_number, known


def state_at(plan: Plan, lake: Path, day: date) -> State:
    """The state at the end of a UTC day, of the facts of all days that it reaches back to.

    Raises NotFound when a day in between has no facts of this plan.
    """
    newest, facts = facts_at(plan, lake, day)
    return state_of(plan, newest, living(plan, newest, facts))


def facts_at(plan: Plan, lake: Path, day: date) -> tuple[int, Facts]:
    """F, UTC ms, and the facts from which the state at the end of a UTC day is made."""
    days = known(lake).days
    past = [day_number(name) for name in days if name <= day.isoformat()]
    if not past:
        return 0, together([])
    newest = _current(plan, lake, day_name(max(past)), days).made.newest
    oldest = (newest - plan.reach) // DAY_MS
    names = [day_name(number) for number in sorted(past) if number >= oldest]
    found = [(name, _current(plan, lake, name, days)) for name in names]
    return newest, together([revisions.read(revision, name) for name, revision in found])


def _current(plan: Plan, lake: Path, day: str, days: dict[str, Day]) -> revisions.Revision:
    found = revisions.latest(lake, day)
    if found is None or not revisions.is_current(found, plan, days[day]):
        raise NotFound(
            f"The lake {lake} has no facts of {day} for this definition as it stands.",
            hint="Run `afresh batch`. A day that live events can still reach has no facts yet.",
        )
    return found


def values_at(
    plan: Plan, lake: Path, day: date, key: str, names: list[str], features: Sequence[str]
) -> list[dict[str, Value]]:
    """Features of entities as of the end of a UTC day, a row each: what `as_of` says of the log.

    key, names: as `GET /v1/features` takes them. Raises NotFound for an unknown feature, too.
    """
    newest, facts = facts_at(plan, lake, day)
    reader = Reader(state_of(plan, newest, living(plan, newest, _of(facts, names))))
    asked = [reader.feature(name) for name in features]
    end = (day_number(day.isoformat()) + 1) * DAY_MS
    return reader.values(key, names, asked, end)


def _of(facts: Facts, names: list[str]) -> Facts:
    """The facts of some entities, of whatever kind, and of the sessions linked to users so called.

    Every link stays: that a session is somebody else's may be said by one of another user.
    """
    names = [name for name in names if name == name.encode(errors="ignore").decode()]
    linked = facts.links.filter(pl.col("user").is_in(names))["session"].to_list()
    keys = {*names, *(f"u:{name}" for name in names), *(f"s:{name}" for name in [*names, *linked])}
    mine = pl.col("key").is_in(list(keys))
    return replace(
        facts,
        tiles=facts.tiles.filter(mine),
        lists=facts.lists.filter(mine),
        distincts=facts.distincts.filter(mine),
    )
