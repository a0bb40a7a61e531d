"""Lists: the last n of each key in the total order, for sequences, sessions and postings."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from afresh.features.engines.batch.columns import key
from afresh.features.plan import Plan

SCHEMA = {
    "day": pl.Int32,
    "list": pl.String,
    "index": pl.Int32,
    "key": pl.String,
    "timestamp": pl.Int64,
    "event_id": pl.String,
    "event_type": pl.String,
    "item_id": pl.String,
    "session": pl.String,
}


@dataclass(frozen=True, slots=True)
class Kept:
    """A kind of list of the plan: keyed by `column`, the last `n`, none older than F - within."""

    list: str
    index: int
    column: str
    types: tuple[int, ...]
    n: int
    within: int


def kept(plan: Plan) -> list[Kept]:
    """The lists of a plan: its sequences, `session` and `posting`."""
    p = plan.postings
    return [
        *(
            Kept("sequence", at, key(plan, s.key), s.types, s.n, s.within)
            for at, s in enumerate(plan.sequences)
        ),
        Kept("session", 0, "visit", p.types, p.per_session, p.within),
        Kept("posting", 0, "item_id", p.types, p.per_item, p.within),
    ]


def lists(plan: Plan, events: pl.LazyFrame) -> list[pl.LazyFrame]:
    """The last events of each list and day, in total order; events lie in that order already."""
    return [_last(spec, events) for spec in kept(plan)]


def _last(spec: Kept, events: pl.LazyFrame) -> pl.LazyFrame:
    typed = pl.col("code").is_in(pl.lit(list(spec.types), pl.List(pl.UInt8)))
    named = pl.col(spec.column, "item_id", "visit").is_not_null()
    columns = [name for name in SCHEMA if name not in ("list", "index")]
    return (
        events.filter(typed, named)
        .select(
            "day",
            pl.col(spec.column).alias("key"),
            "timestamp",
            "event_id",
            "event_type",
            "item_id",
            pl.col("visit").alias("session"),
        )
        .group_by("day", "key", maintain_order=True)
        .tail(spec.n)
        .select(columns)
        .with_columns(pl.lit(spec.list).alias("list"), pl.lit(spec.index, pl.Int32).alias("index"))
        .select(*SCHEMA)
    )


def newest(spec: Kept, rows: pl.DataFrame, oldest: int) -> pl.DataFrame:
    """Of the rows of several days: the last n of each key, those after `oldest`, UTC ms.

    The rows of a day lie in total order; two days share no moment.
    """
    return (
        rows.sort("day", maintain_order=True)
        .group_by("key", maintain_order=True)
        .tail(spec.n)
        .filter(pl.col("timestamp") > oldest)
    )
