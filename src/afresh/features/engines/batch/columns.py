"""From canonical columns to what facts are made of: keys, type codes, inputs and groups.

Expressions over integers and text alone; every division is of what cannot be negative.
"""

from __future__ import annotations

from functools import reduce
from operator import add

import polars as pl

from afresh.errors import DefinitionError
from afresh.features.columns import HOUR_MS, UNKNOWN, fixed_labels
from afresh.features.engines.batch.frames import Places, column
from afresh.features.plan import DAY_MS, Input, Plan


def wanted(plan: Plan) -> dict[str, type[pl.Int64] | type[pl.String]]:
    """The columns that the plan's inputs read, with their types."""
    found: dict[str, type[pl.Int64] | type[pl.String]] = {}
    for source in plan.inputs:
        if source.kind != "hour":
            dtype = pl.Int64 if source.kind == "number" else pl.String
            for name in (source.name, source.fallback):
                if name is not None:
                    found[column(name)] = dtype
    return found


def prepare(plan: Plan, frame: pl.DataFrame, places: Places) -> pl.DataFrame:
    """The events of a frame of canonical columns, in total order, with what facts are made of.

    `day, timestamp, event_id, event_type, item_id, user_id, session_id`; `code` of the type;
    `owner`, `visit` and `named` (the session), with `u:` or `s:` before the name; `input.<i>` and
    `group.<i>`; names as labels. Raises DefinitionError where numbers have more places than the
    plan says.
    """
    for name, dtype in wanted(plan).items():
        if frame.schema.get(name) != dtype:
            frame = frame.with_columns(pl.lit(None, dtype).alias(name))
    names = [event.name for event in plan.events]
    code = pl.col("event_type").replace_strict(
        names, range(len(names)), default=UNKNOWN, return_dtype=pl.UInt8
    )
    user, named = "u:" + pl.col("user_id"), "s:" + pl.col("session_id")
    owner = pl.coalesce(user, named)
    kept = ["day", "timestamp", "event_id", "event_type", "item_id", "user_id", "session_id"]
    inputs = [
        _input(source, places).alias(f"input.{at}")
        for at, source in enumerate(plan.inputs)
        if source.kind != "hour"
    ]
    events = frame.lazy().select(
        *kept,
        code.alias("code"),
        owner.alias("owner"),
        pl.coalesce(named, owner).alias("visit"),
        named.alias("named"),
        *inputs,
    )
    groups = [_group(plan, at).alias(f"group.{at}") for at in range(len(plan.inputs))]
    # The owner tells apart ids that two people share.
    return numbered(events.with_columns(groups).collect()).sort("timestamp", "event_id", "owner")


def numbered(events: pl.DataFrame) -> pl.DataFrame:
    """The same names and groups as numbers with labels, in the order of their bytes.

    Grouping and sorting numbers is several times as fast as grouping and sorting texts.
    """
    texts = [name for name, dtype in events.schema.items() if dtype == pl.String]
    texts = [name for name in texts if name != "event_id"]
    names = pl.concat([events[name].unique().alias("name") for name in texts])
    labels = pl.Enum(names.drop_nulls().unique().sort())
    return events.with_columns(pl.col(texts).cast(labels))


def key(plan: Plan, name: str) -> str:
    """The column that holds a key."""
    known = {"item_id": "item_id", "user_id": "owner", "session_id": "named"}
    if name in known:
        return known[name]
    at = next(
        at
        for at, s in enumerate(plan.inputs)
        if s.name == name and s.kind == "text" and not s.bands
    )
    return f"input.{at}"


def _input(source: Input, places: Places) -> pl.Expr:
    names = [name for name in (source.name, source.fallback) if name is not None]
    if source.kind == "text":
        return pl.coalesce(column(name) for name in names)
    return pl.coalesce(_scaled(name, source.places, places) for name in names)


def _scaled(name: str, wanted: int, places: Places) -> pl.Expr:
    have = places.get(column(name), wanted)
    if have > wanted:
        raise DefinitionError(
            f"The events hold {name!r} with {have} decimal places; the definition says {wanted}.",
            hint=f"Declare it with decimal({have}) again, or begin a new lake.",
        )
    return pl.col(column(name)) * pl.lit(10 ** (wanted - have), pl.Int64)


def _group(plan: Plan, at: int) -> pl.Expr:
    """The group of input `at`, as text."""
    source = plan.inputs[at]
    if source.kind == "hour":
        ahead = source.offset % DAY_MS
        return ((pl.col("timestamp") + ahead) // HOUR_MS % 24).cast(pl.String)
    if not source.bands:
        return pl.col(f"input.{at}").cast(pl.String)
    borders = [(pl.col(f"input.{at}") >= border).cast(pl.Int64) for border in source.bands]
    labels = fixed_labels(source)
    assert labels is not None
    return reduce(add, borders).replace_strict(range(len(labels)), labels, return_dtype=pl.String)
