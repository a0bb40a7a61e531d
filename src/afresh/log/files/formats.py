"""One file as frames of its raw rows, whatever the format. Nothing is interpreted yet.

Every frame has a column `row`: int64, the record's number in the file, from 1.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec
import polars as pl

from afresh.errors import BadRequest
from afresh.log.files.rejects import Reject, Rejects

BLOCK = 8 << 20
"""Bytes of text read at once."""

ENDINGS = (".parquet", ".csv", ".ndjson", ".jsonl", ".ndjson.gz", ".jsonl.gz", ".csv.gz")


def ending(path: Path) -> str:
    """The file's ending. Raises BadRequest when it is none of ENDINGS."""
    for known in sorted(ENDINGS, key=len, reverse=True):
        if path.name.lower().endswith(known):
            return known
    raise BadRequest(
        f"{path} has none of the endings {', '.join(ENDINGS)}.",
        hint="Give the file the ending of its format.",
    )


def parquet_rows(path: Path) -> int:
    return int(pl.scan_parquet(path).select(pl.len()).collect().item())


def parquet_frames(path: Path, chunk: int) -> Iterator[pl.DataFrame]:
    row = 1
    for frame in pl.scan_parquet(path).collect_batches(chunk_size=chunk, maintain_order=True):
        for part in frame.iter_slices(chunk):
            yield _numbered(part, row)
            row += part.height


def ndjson_frames(text: IO[bytes], chunk: int, rejects: Rejects) -> Iterator[pl.DataFrame]:
    """One column a key; the keys inside `properties` are columns `properties.<key>`."""
    rows: list[int] = []
    records: list[dict[str, Any]] = []
    for row, line in enumerate((line for line in text if not line.isspace()), 1):
        try:
            record = msgspec.json.decode(line)
            if type(record) is not dict:
                raise msgspec.ValidationError("it is no JSON object")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            rejects.extend([Reject(row, "malformed_json", "$", str(error))])
            continue
        rows.append(row)
        records.append(record)
        if len(rows) == chunk:
            yield records_frame(records, rows)
            rows, records = [], []
    if rows:
        yield records_frame(records, rows)


def csv_frames(text: IO[bytes], chunk: int, rejects: Rejects) -> Iterator[pl.DataFrame]:
    """Every column as text, empty cells as null; the first line names the columns."""
    row, names = 1, None
    for block in _blocks(text):
        if names is None:
            head, _, block = block.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
            names = next(csv.reader([head.decode("utf-8", "replace")]), [])
            if not block:
                continue
        frame, count = _csv_block(block, names, row, rejects)
        row += count
        yield from frame.iter_slices(chunk)


def records_frame(records: list[dict[str, Any]], rows: list[int]) -> pl.DataFrame:
    """A frame of decoded JSON objects; a column whose values have several types is JSON text."""
    columns: dict[str, list[Any]] = {}
    for i, record in enumerate(records):
        properties = record.get("properties")
        if type(properties) is dict:
            del record["properties"]
            record |= {f"properties.{key}": value for key, value in properties.items()}
        for key, value in record.items():
            if key not in columns:
                columns[key] = [None] * len(records)
            columns[key][i] = value
    return pl.DataFrame([pl.Series("row", rows, pl.Int64), *map(_series, columns.items())])


def _series(column: tuple[str, list[Any]]) -> pl.Series:
    name, values = column
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {str} or kinds == {bool} or kinds == {float}:
        return pl.Series(name, values)
    if kinds == {int} and all(v is None or -(1 << 63) <= v < 1 << 63 for v in values):
        return pl.Series(name, values, pl.Int64)
    texts = [v if v is None or type(v) is str else msgspec.json.encode(v).decode() for v in values]
    return pl.Series(name, texts, pl.String)


def _csv_block(
    block: bytes, names: list[str], row: int, rejects: Rejects
) -> tuple[pl.DataFrame, int]:
    try:
        frame = pl.read_csv(block, has_header=False, new_columns=names, infer_schema=False)
        if frame.width == len(names):
            return _numbered(frame, row), frame.height
    except (pl.exceptions.PolarsError, ValueError):
        pass  # some row has too many cells or bytes that are no text: look at each
    good: list[list[str | None]] = []
    rows = []
    at = row - 1
    for cells in csv.reader(io.StringIO(block.decode("utf-8", "replace"), newline="")):
        if not cells:
            continue
        at += 1
        if len(cells) != len(names):
            detail = f"The row has {len(cells)} cells; the header names {len(names)} columns."
            rejects.extend([Reject(at, "bad_type", "$", detail)])
        elif any("\ufffd" in cell for cell in cells):
            rejects.extend([Reject(at, "bad_type", "$", "The row is not UTF-8.")])
        else:
            good.append([cell or None for cell in cells])
            rows.append(at)
    frame = pl.DataFrame(good, schema=dict.fromkeys(names, pl.String), orient="row")
    return frame.insert_column(0, pl.Series("row", rows, pl.Int64)), at - row + 1


def _blocks(text: IO[bytes]) -> Iterator[bytes]:
    """Whole lines, some BLOCK bytes at a time; a line feed inside quotes ends no line."""
    rest = b""
    while True:
        read = text.read(BLOCK)
        block = rest + read
        if not read:
            if block:
                yield block
            return
        end = block.rfind(b"\n") + 1
        while end and block.count(b'"', 0, end) % 2:
            end = block.rfind(b"\n", 0, end - 1) + 1
        if end:
            yield block[:end]
        rest = block[end:]


def _numbered(frame: pl.DataFrame, row: int) -> pl.DataFrame:
    if "row" in frame.columns:
        frame = frame.drop("row")
    return frame.insert_column(0, pl.int_range(row, row + frame.height, eager=True).alias("row"))


def open_text(path: Path) -> tuple[IO[bytes], IO[bytes]]:
    """(the text, the file beneath it whose position says how far reading is)."""
    raw = path.open("rb")
    return (gzip.GzipFile(fileobj=raw), raw) if path.name.lower().endswith(".gz") else (raw, raw)  # type: ignore[return-value]
