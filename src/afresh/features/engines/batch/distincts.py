"""Distinct values: the k least hashes of each key and tile; a value is hashed once."""

from __future__ import annotations

from hashlib import sha256

import polars as pl

from afresh.features.engines.batch.columns import key
from afresh.features.plan import Distinct, Plan

SCHEMA = {
    "day": pl.Int32,
    "index": pl.Int32,
    "key": pl.String,
    "tile": pl.Int64,
    "hash": pl.UInt64,
}
PERSON = {"user_id": "owner", "session_id": "named"}


def distincts(plan: Plan, events: pl.DataFrame) -> list[pl.LazyFrame]:
    """The least hashes of each tile, ascending, in the order of SCHEMA."""
    hashes: dict[str, pl.LazyFrame] = {}
    found = []
    for at, spec in enumerate(plan.distincts):
        column = _value(spec)
        if column not in hashes:
            hashes[column] = hashed(events[column]).lazy()
        found.append(_least(plan, at, events.lazy(), column, hashes[column]))
    return found


def hashed(values: pl.Series) -> pl.DataFrame:
    """Each distinct text of a column, and 64 bits of its SHA-256: `value`, `hash`.

    `u:` and `s:` before a person's name are `u` and `s` in what is hashed.
    """
    said = values.drop_nulls().unique()
    person = values.name in PERSON.values()
    texts = ((text[0] + text[2:] if person else text).encode() for text in said.to_list())
    numbers = [int.from_bytes(sha256(text).digest()[:8], "big") for text in texts]
    return pl.DataFrame({"value": said, "hash": pl.Series(numbers, dtype=pl.UInt64)})


def _value(spec: Distinct) -> str:
    if spec.input is not None:
        return f"input.{spec.input}"
    return PERSON.get(spec.value, spec.value)


def _least(
    plan: Plan, at: int, events: pl.LazyFrame, column: str, hashes: pl.LazyFrame
) -> pl.LazyFrame:
    spec = plan.distincts[at]
    typed = pl.col("code").is_in(pl.lit(list(spec.types), pl.List(pl.UInt8)))
    return (
        events.filter(typed)
        .select(
            "day",
            pl.col(key(plan, spec.key)).alias("key"),
            (pl.col("timestamp") // spec.width).alias("tile"),
            pl.col(column).alias("value"),
        )
        .drop_nulls()
        .unique()
        .join(hashes, on="value")
        .sort("day", "key", "tile", "hash")
        .group_by("day", "key", "tile", maintain_order=True)
        .agg(pl.col("hash").unique(maintain_order=True).head(spec.k))
        .explode("hash")
        .with_columns(pl.lit(at, pl.Int32).alias("index"))
        .select(*SCHEMA)
    )
