"""Tiles: one group-by a family, over its key, tile and group."""

from __future__ import annotations

import polars as pl

from afresh.features.engines.batch.columns import key
from afresh.features.plan import Family, Plan, Slot
from afresh.features.tiles import EMPTY, LIMB_BITS

SCHEMA = {
    "day": pl.Int32,
    "family": pl.Int32,
    "key": pl.String,
    "tile": pl.Int64,
    "group": pl.String,
    "slots": pl.List(pl.Int64),
}


def tiles(plan: Plan, events: pl.LazyFrame) -> list[pl.LazyFrame]:
    """The tiles of each family, in the order of SCHEMA; events as `columns.prepare` has them."""
    return [_family(plan, at, events) for at in range(len(plan.families))]


def _family(plan: Plan, at: int, events: pl.LazyFrame) -> pl.LazyFrame:
    family = plan.families[at]
    touched = pl.any_horizontal(_touches(slot) for slot in family.slots)
    group = pl.col("group") if family.split is not None else pl.when(False).then("key")
    slots = [_slot(plan, slot).alias(str(i)) for i, slot in enumerate(family.slots)]
    return (
        events.filter(pl.col(key(plan, family.key)).is_not_null() & touched)
        .group_by(*_place(plan, family), maintain_order=True)
        .agg(slots)
        .select(
            "day",
            pl.lit(at, pl.Int32).alias("family"),
            "key",
            "tile",
            group.alias("group"),
            pl.concat_list(str(i) for i in range(len(slots))).alias("slots"),
        )
    )


def _place(plan: Plan, family: Family) -> list[pl.Expr]:
    """What tells one tile from another; a day is a function of the tile, as widths divide days."""
    place = [
        pl.col("day"),
        pl.col(key(plan, family.key)).alias("key"),
        (pl.col("timestamp") // family.width).alias("tile"),
    ]
    if family.split is not None:
        place.append(pl.col(f"group.{family.split}").alias("group"))
    return place


def _touches(slot: Slot) -> pl.Expr:
    typed = pl.col("code").is_in(pl.lit(list(slot.types), pl.List(pl.UInt8)))
    return typed if slot.input is None else typed & pl.col(f"input.{slot.input}").is_not_null()


def _slot(plan: Plan, slot: Slot) -> pl.Expr:
    touches, empty = _touches(slot), EMPTY[slot.op]
    if slot.op == "n":
        return touches.cast(pl.Int64).sum()  # a sum of Booleans would have 32 bits
    if slot.op == "weight":
        weights = [event.weight for event in plan.events]
        weight = pl.col("code").replace_strict(
            range(len(weights)), weights, default=0, return_dtype=pl.Int64
        )
        return pl.when(touches).then(weight).otherwise(0).sum()
    if slot.op in ("min_ts", "max_ts"):
        told = pl.when(touches).then(pl.col("timestamp"))
        return (told.min() if slot.op == "min_ts" else told.max()).fill_null(empty)
    number = pl.when(touches).then(pl.col(f"input.{slot.input}"))
    if slot.op in ("min", "max"):
        return (number.min() if slot.op == "min" else number.max()).fill_null(empty)
    if slot.op == "sum":
        return number.sum()
    limb = 1 << LIMB_BITS
    square = number * number
    return (square % limb if slot.op == "sq_low" else square // limb).sum()
