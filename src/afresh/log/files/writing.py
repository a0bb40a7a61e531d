"""Writing events and items to files, frame by frame; the file appears when it is whole."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO

import msgspec
import polars as pl
from polars.io.plugins import register_io_source

from afresh.errors import StorageFull
from afresh.log.files import formats

ROW_GROUP = 100_000
"""Rows of a row group in Parquet."""


def write_events(path: Path | str, frames: Iterable[pl.DataFrame]) -> int:
    """Write frames with the columns of `read_events`; how many rows. A `row` column is left out.

    All frames have the columns of the first (`batch_to_frame` sees to that). NDJSON gets
    one event a line, `properties` nested, absent values left out. Raises StorageFull when
    the disk is full; the file that was there before is then as it was.
    """
    return _write(Path(path), frames)


def write_items(path: Path | str, frames: Iterable[pl.DataFrame]) -> int:
    """The same for item records: `item_id` and the catalogue's fields."""
    return _write(Path(path), frames)


def _write(path: Path, frames: Iterable[pl.DataFrame]) -> int:
    ending = formats.ending(path)
    part = path.with_name(path.name + ".part")
    rows = 0

    def counted() -> Iterator[pl.DataFrame]:
        nonlocal rows
        schema: dict[str, pl.DataType] | None = None
        for frame in frames:
            rows += frame.height
            frame = frame.drop("row", strict=False)
            schema = schema or dict(frame.schema)
            yield frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())

    try:
        if ending == ".parquet":
            _write_parquet(part, counted())
        else:
            with part.open("wb") as raw:
                if ending.endswith(".gz"):
                    with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=6) as zipped:
                        _write_text(zipped, ending, counted())  # type: ignore[arg-type]
                else:
                    _write_text(raw, ending, counted())
                raw.flush()
                os.fsync(raw.fileno())
        part.replace(path)
    except OSError as error:
        raise StorageFull(
            f"{path} could not be written: {error}.",
            hint="Free some space, or choose another disk.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return rows


def _write_text(out: IO[bytes], ending: str, frames: Iterator[pl.DataFrame]) -> None:
    if not ending.startswith(".csv"):
        for frame in frames:
            out.write(_ndjson(frame))
        return
    for i, frame in enumerate(frames):
        out.write(_flat(frame).write_csv(include_header=i == 0, quote_style="non_numeric").encode())


def _write_parquet(part: Path, frames: Iterator[pl.DataFrame]) -> None:
    first = next(frames, pl.DataFrame())
    if first.width == 0:
        first.write_parquet(part)
        return
    source = chain([first], frames)
    register_io_source(lambda *_: source, schema=first.schema).sink_parquet(
        part, compression="zstd", row_group_size=ROW_GROUP, maintain_order=True
    )


def _ndjson(frame: pl.DataFrame) -> bytes:
    nested = [(name, name.partition("properties.")[2]) for name in frame.columns]
    encode, lines = msgspec.json.Encoder().encode_lines, []
    for row in frame.iter_rows():
        record: dict[str, object] = {}
        properties: dict[str, object] = {}
        for (name, inner), value in zip(nested, row, strict=True):
            if value is not None:
                (properties if inner else record)[inner or name] = value
        if properties:
            record["properties"] = properties
        lines.append(record)
    return encode(lines)


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists as JSON text, for CSV."""
    return frame.with_columns(
        pl.Series(
            name,
            [None if v is None else msgspec.json.encode(v).decode() for v in frame[name].to_list()],
        )
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.List)
    )
