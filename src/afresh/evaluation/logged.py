"""The two files of an off-policy estimate: what was logged, and what a policy would do.

A log has a row a choice: `item_id`, `propensity` (above 0, to 1) and the reward, and whatever else
describes the choice. A policy has a row an item: `item_id`, `probability`, and those of the log's
other columns, such as `position`, for each of whose values it has probabilities of its own that
add up to 1. Parquet, CSV or NDJSON, by the file's ending.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from afresh.errors import BadRequest
from afresh.log.files import formats
from afresh.log.files.rejects import Rejects

UNIFORM = "uniform"
"""The policy that chooses every item of the log alike."""
CHUNK = 100_000
OFF = 0.01
"""How far from 1 probabilities may add up."""


@dataclass(frozen=True, slots=True)
class Policy:
    """table: context columns, item_id, probability; context: their names. within: the columns of
    log and table for each of whose values the log must have chosen what the policy does."""

    table: pl.DataFrame
    context: list[str]
    within: list[str]


def read_logged(path: Path, reward: str) -> pl.DataFrame:
    """The log, with `item_id` as text, `propensity` and `reward` as float64."""
    frame = _read(path)
    wanted = {"item_id": "the item chosen", "propensity": "its probability", reward: "the reward"}
    _need(frame, path, wanted)
    frame = frame.with_columns(
        pl.col("item_id").cast(pl.String),
        _number(frame, "propensity", path),
        _number(frame, reward, path).alias("reward"),
    )
    wrong = frame.filter(~pl.col("propensity").is_between(0, 1, closed="right"))
    if wrong.height or frame["item_id"].null_count():
        raise BadRequest(
            f"{path} has {wrong.height + frame['item_id'].null_count():,} rows without an item or "
            "with a propensity that is none.",
            hint="A propensity is above 0 and at most 1.",
        )
    if not frame.height:
        raise BadRequest(f"{path} has no rows.", hint="A row is one choice.")
    return frame


def read_policy(said: str, log: pl.DataFrame) -> Policy:
    """A policy's probabilities, of a file, or of `uniform` over the items of the log."""
    if said == UNIFORM:
        items = log["item_id"].unique(maintain_order=True)
        probability = pl.lit(1 / len(items)).alias("probability")
        return Policy(pl.DataFrame({"item_id": items}).with_columns(probability), [], [])
    path = Path(said)
    if not path.is_file():
        raise BadRequest(f"There is no file {path}", hint=f"Name a file, or say {UNIFORM}.")
    frame = _read(path)
    _need(frame, path, {"item_id": "the item", "probability": "that it is chosen"})
    own = {"item_id", "probability", "propensity", "reward"}
    context = [name for name in frame.columns if name in log.columns and name not in own]
    frame = frame.select(
        *(pl.col(name).cast(log.schema[name]) for name in context),
        pl.col("item_id").cast(pl.String),
        _number(frame, "probability", path),
    )
    total = frame.group_by(context or pl.lit(0)).agg(pl.col("probability").sum())
    far = (total["probability"] - 1).abs().max()
    least = frame["probability"].min()
    if not isinstance(far, float) or far > OFF or not isinstance(least, float) or least < 0:
        raise BadRequest(
            f"The probabilities of {path} do not add up to 1"
            + (f" for each {', '.join(context)}." if context else "."),
            hint=f"It shares these columns with the log: {', '.join(context) or 'none'}.",
        )
    if frame.select(*context, "item_id").is_duplicated().any():
        raise BadRequest(f"{path} names an item twice.", hint="One row an item and context.")
    return Policy(frame, context, context)


def _read(path: Path) -> pl.DataFrame:
    ending, rejects = formats.ending(path), Rejects()
    try:
        if ending == ".parquet":
            return pl.read_parquet(path)
        reading = formats.csv_frames if ".csv" in ending else formats.ndjson_frames
        text, raw = formats.open_text(path)
        with text, raw:
            frames = list(reading(text, CHUNK, rejects))
    except (OSError, EOFError, pl.exceptions.PolarsError) as error:
        raise BadRequest(f"{path} cannot be read: {error}", hint="Check the file.") from error
    if rejects.first:
        first = rejects.first[0]
        raise BadRequest(f"Row {first.row} of {path} cannot be read.", hint=first.detail)
    frame = pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()
    return frame.drop("row", strict=False)


def _need(frame: pl.DataFrame, path: Path, wanted: dict[str, str]) -> None:
    for name, what in wanted.items():
        if name not in frame.columns:
            raise BadRequest(
                f"{path} has no column {name!r}, {what}.",
                hint=f"It has: {', '.join(frame.columns) or 'nothing'}.",
            )


def _number(frame: pl.DataFrame, name: str, path: Path) -> pl.Series:
    column = frame[name].cast(pl.Float64, strict=False)
    if column.null_count() or column.is_nan().any():
        raise BadRequest(
            f"The column {name!r} of {path} has cells that are no number.", hint="Fill them."
        )
    return column
