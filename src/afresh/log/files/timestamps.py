"""A column of moments as int64 UTC milliseconds; null where a value is no such moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl

from afresh.events.columnar import MAX_TS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def milliseconds(column: pl.Series) -> pl.Series:
    """Epoch milliseconds (numbers or digits), RFC 3339 with an offset, or datetimes, to ms.

    Fractions of a millisecond are cut off.
    """
    if column.dtype.is_integer():
        ms = column.cast(pl.Int64, strict=False)
    elif column.dtype.is_float():
        whole = column.cast(pl.Int64, strict=False)
        ms = whole.set(whole.cast(pl.Float64) != column, None)
    elif isinstance(column.dtype, pl.Datetime):
        per_ms = {"ns": 1_000_000, "us": 1_000, "ms": 1}[column.dtype.time_unit]
        ms = column.to_physical() // per_ms
    elif column.dtype == pl.Date:
        ms = column.cast(pl.Datetime("ms")).to_physical()
    elif column.dtype == pl.String:
        ms = _from_text(column)
    else:
        return pl.Series(column.name, [None] * len(column), pl.Int64)
    return ms.set((ms < 0) | (ms > MAX_TS), None)


def _from_text(column: pl.Series) -> pl.Series:
    digits = column.str.contains(r"^[0-9]{1,15}$")
    ms = column.set(~digits, None).cast(pl.Int64)
    moments = column.set(digits, None).str.to_datetime(
        "%+", time_unit="us", time_zone="UTC", strict=False
    )
    ms = ms.fill_null(moments.to_physical() // 1000)
    left = (ms.is_null() & column.is_not_null()).arg_true().to_list()
    if left:  # forms that Polars does not take, such as a space for the T
        ms = ms.scatter(left, [_one(column[i]) for i in left])
    return ms


def _one(text: str) -> int | None:
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return None
    return None if moment.tzinfo is None else (moment - _EPOCH) // _MS
