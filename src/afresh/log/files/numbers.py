"""Number columns of a file as fixed point, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.events.batch import NULL
from afresh.events.columnar import LIMIT

if TYPE_CHECKING:
    from afresh.log.files.columns import Faults

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


def fixed_points(
    series: pl.Series, declared: NDArray[np.int64], places: int, path: str, faults: Faults
) -> NDArray[np.int64]:
    """int64[n], scaled by 10**places; NULL where there is none.

    declared: int64[n], how many decimal places each row may have. A value is exact when it
    is the float64 nearest to a decimal of so many places.
    """
    given = series
    if series.dtype == pl.String:
        words = series.replace_strict({"true": 1.0, "false": 0.0}, default=None)
        series = series.set(~series.str.contains(NUMBER), None).cast(pl.Float64)
        series = series.fill_null(words)
    elif isinstance(series.dtype, pl.Decimal) or series.dtype == pl.Boolean:
        series = series.cast(pl.Float64)
    elif not series.dtype.is_numeric() and series.dtype != pl.Null:
        faults.add(series.is_not_null().to_numpy(), "bad_type", path, f"It is {series.dtype}.")
        return np.full(len(series), NULL, np.int64)
    null = series.is_null().to_numpy()
    if given.dtype == pl.String:
        unread = null & given.is_not_null().to_numpy()
        faults.add(unread, "bad_type", path, lambda i: f"'{given[i]}' is no number.")
    scale = 10.0**declared
    # Integers as well: within the limit float64 holds them, and beyond it they are refused.
    values = series.cast(pl.Float64).fill_null(0.0).to_numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint(values * scale)
        wrong = ~(np.abs(scaled) * 10.0 ** (places - declared) < LIMIT) | (scaled / scale != values)
    faults.add(
        wrong & ~null,
        "bad_number",
        path,
        lambda i: (
            f"{given[i]} is not a number of at most {declared[i]} decimal places below "
            f"{(LIMIT - 1) / 10**places:,.{places}f}."
        ),
    )
    out = np.where(wrong, 0, scaled).astype(np.int64) * 10 ** (places - declared)
    return np.where(null, NULL, out)
