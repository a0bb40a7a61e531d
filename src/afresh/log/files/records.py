"""Frames of catalogue rows to item records (JSON objects) and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.events.schema import PlanField
from afresh.log.files.rejects import Reject
from afresh.log.files.texts import faulty

_TYPES: dict[str, Any] = {
    "int": int,
    "decimal": float,
    "float": float,
    "str": str,
    "bool": bool,
    "list[str]": list[str],
}
_POLARS: dict[str, Any] = {
    "int": pl.Int64,
    "decimal": pl.Float64,
    "float": pl.Float64,
    "str": pl.String,
    "bool": pl.Boolean,
    "list[str]": pl.List(pl.String),
}


@dataclass(slots=True)
class Records:
    """Item records as JSON, one bytes object each; rows: int64[n], their row numbers."""

    lines: list[bytes]
    rows: NDArray[np.int64]
    rejected: list[Reject]


def frame_to_records(frame: pl.DataFrame, fields: Sequence[PlanField]) -> Records:
    """The item records of a frame of `read_items`, typed as the catalogue declares."""
    known = {f.name: f for f in fields}
    faults = _ids(frame)
    lines: list[bytes] = []
    rows: list[int] = []
    rejected: list[Reject] = []
    for at, given in enumerate(frame.iter_rows(named=True)):
        row = given.pop("row", at + 1)
        reject = faults.get(at)
        record: dict[str, Any] = {"item_id": given.pop("item_id", None)}
        for name, value in given.items():
            if value is None or reject is not None:
                continue
            if name not in known:
                reject = ("unknown_field", f"$.{name}", "The catalogue has no such field.")
                continue
            try:
                record[name] = _convert(value, known[name].kind)
            except msgspec.MsgspecError as error:
                reject = ("bad_type", f"$.{name}", str(error))
        absent = [n for n, f in known.items() if not f.optional and n not in record]
        if reject is None and absent:
            reject = ("missing_field", f"$.{absent[0]}", "It is absent.")
        if reject is None:
            lines.append(msgspec.json.encode(record))
            rows.append(row)
        else:
            rejected.append(Reject(row, *reject))
    return Records(lines, np.array(rows, np.int64), rejected)


def records_to_frame(lines: Iterable[bytes], fields: Sequence[PlanField]) -> pl.DataFrame:
    """A frame for `write_items`: `item_id` and the catalogue's fields."""
    records = [msgspec.json.decode(line) for line in lines]
    columns: dict[str, Any] = {"item_id": pl.String} | {f.name: _POLARS[f.kind] for f in fields}
    return pl.DataFrame(
        [
            pl.Series(name, [record.get(name) for record in records], dtype, strict=False)
            for name, dtype in columns.items()
        ]
    )


def _ids(frame: pl.DataFrame) -> dict[int, tuple[str, str, str]]:
    absent = ("missing_field", "$.item_id", "It is absent.")
    if "item_id" not in frame.columns:
        return dict.fromkeys(range(frame.height), absent)
    ids = frame["item_id"]
    out = dict.fromkeys(ids.is_null().arg_true().to_list(), absent)
    for mask, detail in faulty(ids, empty=True):
        out |= dict.fromkeys(np.flatnonzero(mask).tolist(), ("bad_id", "$.item_id", detail))
    return out


def _convert(value: Any, kind: str) -> Any:
    """A cell as its field's type; text is parsed, as a CSV file has nothing else."""
    if kind == "list[str]" and isinstance(value, str):
        return msgspec.json.decode(value.encode(), type=list[str])
    if kind == "str" and not isinstance(value, str):
        return msgspec.json.encode(value).decode()
    if kind == "int" and isinstance(value, float) and value.is_integer():
        return int(value)
    return msgspec.convert(value, _TYPES[kind], strict=not isinstance(value, str))
