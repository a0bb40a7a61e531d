"""The facts of a plan as four frames, by day; several days are merged where they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import msgspec
import polars as pl

from afresh.features.engines.batch import distincts, links, lists, tiles
from afresh.features.engines.batch.columns import prepare
from afresh.features.engines.batch.frames import Places
from afresh.features.plan import Plan

SCHEMAS: dict[str, Any] = {
    "tiles": tiles.SCHEMA,
    "lists": lists.SCHEMA,
    "distincts": distincts.SCHEMA,
    "links": links.SCHEMA,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of whole days, in an order that follows from the events alone.

    Each frame has a `day`, days from the epoch.
    """

    tiles: pl.DataFrame
    lists: pl.DataFrame
    distincts: pl.DataFrame
    links: pl.DataFrame

    def frames(self) -> dict[str, pl.DataFrame]:
        """The frames by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def facts_of(plan: Plan, frame: pl.DataFrame, places: Places) -> Facts:
    """The facts of the events in a frame of canonical columns (`frames.py`), each event once."""
    events = prepare(plan, frame, places)
    lazy = events.lazy()
    made = {
        "tiles": tiles.tiles(plan, lazy),
        "lists": lists.lists(plan, lazy),
        "distincts": distincts.distincts(plan, events),
        "links": [links.links(lazy)],
    }
    done = iter(pl.collect_all([part for parts in made.values() for part in parts]))
    return Facts(
        **{name: _whole(name, [next(done) for _ in parts]) for name, parts in made.items()}
    )


def _whole(name: str, parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    if not parts:
        return pl.DataFrame(schema=SCHEMAS[name])
    return pl.concat(parts).cast(SCHEMAS[name])


def together(parts: Sequence[Facts]) -> Facts:
    """The facts of several days, where no two parts have one."""
    return Facts(
        **{
            name: pl.concat([pl.DataFrame(schema=schema), *(getattr(part, name) for part in parts)])
            for name, schema in SCHEMAS.items()
        }
    )


def by_day(frame: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """The rows of each day, without the column that says so."""
    parts = frame.partition_by("day", as_dict=True, include_key=False, maintain_order=True)
    for (number,), rows in parts.items():
        yield number, rows


def canonical(plan: Plan, newest: int, facts: Facts) -> bytes:
    """The canonical form (`features/canonical.py`) at F = newest, UTC ms."""
    lines = [msgspec.json.encode(fact) for fact in living(plan, newest, facts)]
    return b"\n".join([msgspec.json.encode(["F", newest]), *sorted(lines)])


def living(plan: Plan, newest: int, facts: Facts) -> Iterator[list[Any]]:
    """The facts alive at F = newest, in the form of `features/canonical.py`."""
    for at, family in enumerate(plan.families):
        ends = (pl.col("tile") + 1) * family.width
        rows = facts.tiles.filter(pl.col("family") == at, ends > newest - family.reach)
        for row in rows.select("key", "tile", "group", "slots").iter_rows():
            yield ["tile", at, *row]
    for spec in lists.kept(plan):
        yield from _lists(spec, newest, facts.lists)
    for at, counted in enumerate(plan.distincts):
        ends = (pl.col("tile") + 1) * counted.width
        rows = facts.distincts.filter(pl.col("index") == at, ends > newest - counted.reach)
        for row in rows.group_by("key", "tile").agg(pl.col("hash").sort()).iter_rows():
            yield ["distinct", at, *row]
    alive = facts.links.filter(pl.col("timestamp") > newest - plan.reach)
    for row in alive.select("session", "user", "timestamp", "event_id").iter_rows():
        yield ["link", *row]


def _lists(spec: lists.Kept, newest: int, rows: pl.DataFrame) -> Iterator[list[Any]]:
    head = ["sequence", spec.index] if spec.list == "sequence" else [spec.list]
    mine = rows.filter(pl.col("list") == spec.list, pl.col("index") == spec.index)
    held: dict[str, list[list[Any]]] = {}
    columns = ["key", "timestamp", "event_id", "event_type", "item_id", "session"]
    for name, *event in lists.newest(spec, mine, newest - spec.within).select(columns).iter_rows():
        held.setdefault(name, []).append(event)
    for name, events in held.items():
        yield [*head, name, events]
