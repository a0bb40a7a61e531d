"""Reading events and items: frames with the contract's names, times as UTC milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import polars as pl

from afresh.errors import BadRequest
from afresh.log.files import formats
from afresh.log.files.rejects import Reject, Rejects
from afresh.log.files.timestamps import milliseconds

CHUNK = 100_000
"""Rows given at once."""

IDS = ("event_id", "event_type", "user_id", "item_id", "session_id")


class Reading:
    """An iterator over a file's frames that knows how far it is.

    `done` of `total` are in `unit` (rows of a Parquet file, bytes of a text file);
    `rejects` has the rows that could not be read so far. Every frame has a column
    `row`, the record's number in the file from 1. Iterating raises BadRequest when
    the file as a whole cannot be read.
    """

    def __init__(self, path: Path | str, kind: Literal["events", "items"], chunk: int) -> None:
        self.path = Path(path)
        self.kind = kind
        self.chunk = chunk
        self.rejects = Rejects()
        self.done = 0
        self._ending = formats.ending(self.path)
        self.unit: Literal["rows", "bytes"] = "rows" if self._ending == ".parquet" else "bytes"
        try:
            if self.unit == "rows":
                self.total = formats.parquet_rows(self.path)
            else:
                self.total = self.path.stat().st_size
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self._unreadable(error) from error

    def __iter__(self) -> Iterator[pl.DataFrame]:
        try:
            for frame in self._raw():
                yield self._normal(frame)
        except (OSError, EOFError, pl.exceptions.PolarsError) as error:
            raise self._unreadable(error) from error
        self.done = self.total

    def _raw(self) -> Iterator[pl.DataFrame]:
        if self.unit == "rows":
            for frame in formats.parquet_frames(self.path, self.chunk):
                yield frame
                self.done += frame.height
            return
        frames = formats.csv_frames if ".csv" in self._ending else formats.ndjson_frames
        text, raw = formats.open_text(self.path)
        with text, raw:
            for frame in frames(text, self.chunk, self.rejects):
                yield frame
                self.done = raw.tell()

    def _normal(self, frame: pl.DataFrame) -> pl.DataFrame:
        ids = [name for name in frame.columns if name in IDS]
        odd = [name for name in ids if not _castable(frame.schema[name])]
        if odd:
            raise BadRequest(
                f"The column {odd[0]} of {self.path} holds {frame.schema[odd[0]]}, not text.",
                hint="Ids are text or whole numbers.",
            )
        frame = frame.with_columns(pl.col(ids).cast(pl.String))
        if self.kind == "items":
            return frame
        frame = _flat(frame)
        if "timestamp" not in frame.columns:
            return frame.with_columns(pl.lit(None, pl.Int64).alias("timestamp"))
        ts = milliseconds(frame["timestamp"])
        bad = ts.is_null() & frame["timestamp"].is_not_null()
        if bad.any():
            self.rejects.extend(
                Reject(
                    row,
                    "bad_timestamp",
                    "$.timestamp",
                    f"{given} is not RFC 3339 with an offset, nor epoch milliseconds from 0 on.",
                )
                for row, given in frame.filter(bad).select("row", "timestamp").iter_rows()
            )
        return frame.with_columns(ts.alias("timestamp")).filter(~bad)

    def _unreadable(self, error: Exception) -> BadRequest:
        return BadRequest(
            f"{self.path} cannot be read as {self._ending}: {error}",
            hint="Check that the file is there, whole, and of the format its ending names.",
        )


def read_events(path: Path | str, *, chunk: int = CHUNK) -> Reading:
    """The events of a file: `event_id`, `event_type`, `user_id`, `item_id`, `session_id` as
    text, `timestamp` as int64 UTC ms, `value`, and `properties.<name>` as they are.

    A time without an offset inside a Parquet column is taken as UTC.
    """
    return Reading(path, "events", chunk)


def read_items(path: Path | str, *, chunk: int = CHUNK) -> Reading:
    """The item records of a file: `item_id` as text, the other columns as they are."""
    return Reading(path, "items", chunk)


def _castable(dtype: pl.DataType) -> bool:
    return dtype.is_integer() or dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null)


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """`properties` as columns of their own, from a struct or from JSON text."""
    if "properties" not in frame.columns:
        return frame
    column = frame["properties"]
    if isinstance(column.dtype, pl.Struct):
        parts = column.struct.unnest()
        return frame.drop("properties").hstack(
            parts.rename({name: f"properties.{name}" for name in parts.columns})
        )
    if column.dtype != pl.String:
        return frame
    try:
        records = [
            {"properties": msgspec.json.decode(text) if text else {}} for text in column.to_list()
        ]
    except msgspec.MsgspecError:
        return frame  # stays a column `properties`, which validation refuses row by row
    parts = formats.records_frame(records, frame["row"].to_list()).drop("row")
    return frame.drop("properties").hstack(parts)
