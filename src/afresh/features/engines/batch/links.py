"""Links: which user a session turned out to be, as each `identify` says."""

from __future__ import annotations

import polars as pl

from afresh.events.schema import IDENTIFY

SCHEMA = {
    "day": pl.Int32,
    "session": pl.String,
    "user": pl.String,
    "timestamp": pl.Int64,
    "event_id": pl.String,
}


def links(events: pl.LazyFrame) -> pl.LazyFrame:
    """Every link of the events, in the order of SCHEMA."""
    told = pl.col("event_type") == IDENTIFY.name
    return (
        events.filter(told, pl.col("session_id", "user_id").is_not_null())
        .rename({"session_id": "session", "user_id": "user"})
        .select(*SCHEMA)
    )
