"""Text columns: joined by NUL, and checked as the door checks ids."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

LONGEST = 256
"""Bytes of UTF-8."""


def joined(series: pl.Series) -> bytes:
    """The strings of a column without nulls, joined by NUL."""
    return "\0".join(series.to_list()).encode()


def faulty(series: pl.Series, *, empty: bool) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """(mask of rows, what is wrong with them): size, control characters.

    `empty` says that an empty string is wrong as well. Null never is.
    """
    sizes = series.str.len_bytes().fill_null(1).to_numpy()
    wrong = (sizes > LONGEST) | (sizes == 0 if empty else False)
    if wrong.any():
        yield wrong, f"It is empty or longer than {LONGEST} bytes."
    control = series.str.contains(r"\p{Cc}").fill_null(False).to_numpy()
    if control.any():
        yield control, "It holds a control character."
