"""Segments: the same measures of parts of the targets, a value of a field apart.

Some are always there: repeats and new items, young items, cold visitors, what a request knew.
Others are named: a field of the catalogue, of the item that came; or of the event, as it was sent.
A segment's questions are targets one by one, whichever list they were asked with.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl

from afresh.errors import BadRequest
from afresh.evaluation.measures import Scores, scores
from afresh.evaluation.outcome import Outcome
from afresh.evaluation.stream import field_of
from afresh.features.durations import text
from afresh.problems import suggest

MOST = 12
"""Values of a field that stand apart; the rest are one."""
FEW = 5
"""Events of an item that are few."""
CUTS = 4
"""Ranges that a field of numbers is cut into, of about equally many targets."""


class Segment(msgspec.Struct, frozen=True):
    """Targets with one value of a field. share: of all targets."""

    field: str
    value: str
    share: float
    scores: Scores


def segments(
    outcome: Outcome, k: int, events: pl.DataFrame, catalogue: pl.DataFrame | None
) -> list[Segment]:
    """events: the columns of the file, with `event_id`; catalogue: records of items by `item_id`.

    Raises BadRequest for a field that neither has.
    """
    targets = _usual(outcome)
    names = [name for name in targets.columns if name.startswith("by ")]
    for name in outcome.wanted.by:
        targets = targets.with_columns(
            _values(outcome, name, events, catalogue).alias(f"by {name}")
        )
        names.append(f"by {name}")
    return [made for name in names for made in _apart(targets, name, k)]


def _usual(outcome: Outcome) -> pl.DataFrame:
    age, known, repeat = pl.col("age"), pl.col("known"), pl.col("repeat")
    events = pl.col("events")
    young, cold = outcome.wanted.young, outcome.wanted.cold
    return outcome.targets.with_columns(
        pl.when(repeat).then(pl.lit("repeat")).otherwise(pl.lit("new to the visitor"))
        .alias("by item"),
        pl.when(age < 0).then(pl.lit("no event before")).when(age < young)
        .then(pl.lit(f"young, under {text(young)}")).otherwise(pl.lit("older"))
        .alias("by age of the item"),
        pl.when(events == 0).then(pl.lit("none")).when(events < FEW).then(pl.lit(f"under {FEW}"))
        .otherwise(pl.lit(f"{FEW} and more")).alias("by known events of the item"),
        pl.when(known < cold).then(pl.lit("cold")).otherwise(pl.lit("known"))
        .alias("by visitor"),
        pl.when(known == 0).then(pl.lit("0")).when(known == 1).then(pl.lit("1"))
        .when(known < 4).then(pl.lit("2–3")).when(known < 10).then(pl.lit("4–9"))
        .otherwise(pl.lit("10 and more")).alias("by items known of the visitor"),
    )  # fmt: skip


def _values(
    outcome: Outcome, name: str, events: pl.DataFrame, catalogue: pl.DataFrame | None
) -> pl.Series:
    """The value of a field for each target."""
    targets = outcome.targets
    if catalogue is not None and name in catalogue.columns:
        ids = targets.select(pl.Series("item_id", outcome.items).gather(targets["item"]))
        by_item = catalogue.select("item_id", name).unique("item_id", keep="last")
        return ids.join(by_item, on="item_id", how="left", maintain_order="left")[name]
    try:
        column = field_of(events, name)
    except BadRequest as error:
        known = [*(catalogue.columns if catalogue is not None else ()), *events.columns]
        hint = suggest(name, [each.removeprefix("properties.") for each in known])
        message = f"Neither the catalogue nor the events have a field {name!r}."
        raise BadRequest(message, hint=hint) from error
    ids = targets.select(pl.col("event").alias("event_id"))
    said = events.select("event_id", column.alias("said")).unique("event_id", keep="first")
    return ids.join(said, on="event_id", how="left", maintain_order="left")["said"]


def _apart(targets: pl.DataFrame, name: str, k: int) -> list[Segment]:
    column = targets[name]
    if column.dtype.is_numeric() and column.n_unique() > MOST:
        column = _ranges(column)
    values = column.cast(pl.String).fill_null("none").alias("value")
    counted = values.value_counts(sort=True)["value"].to_list()
    apart: Sequence[str] = counted if len(counted) <= MOST else counted[: MOST - 1]
    out = []
    for value in apart:
        out.append(_segment(targets.filter(values == value), name, value, k, targets.height))
    if len(apart) < len(counted):
        rest = targets.filter(~values.is_in(list(apart)))
        said = f"{len(counted) - len(apart):,} others"
        out.append(_segment(rest, name, said, k, targets.height))
    return out


def _segment(part: pl.DataFrame, name: str, value: str, k: int, of: int) -> Segment:
    alone = part.with_columns(pl.int_range(part.height, dtype=pl.Int64).alias("question"))
    share = round(part.height / max(of, 1), 6)
    return Segment(name.removeprefix("by "), value, share, scores(alone, [k]))


def _ranges(column: pl.Series) -> pl.Series:
    """Numbers as texts of the ranges they are in."""
    values = column.cast(pl.Float64).to_numpy()
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, CUTS + 1)))
    at = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    said = [
        None if np.isnan(value) else f"{edges[i]:g} to {edges[min(i + 1, len(edges) - 1)]:g}"
        for value, i in zip(values.tolist(), at.tolist(), strict=True)
    ]
    return pl.Series(column.name, said, pl.String)
