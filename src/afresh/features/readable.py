"""Numbers as JSON has them: from float32 to null, an integer, or the shortest decimal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Number = float | int | None

_DIGITS = (6, 7, 8, 9)
"""Six digits always survive a float32; nine always tell two of them apart."""
_EXACT = 12
"""A float32 times 10**12 is still exact in a float64."""


def readable(values: NDArray[np.float32]) -> list[list[Number]]:
    """Rows of float32[a, b]: None for NaN, an int where it is one, else the shortest decimal that
    names the float32."""
    flat = values.reshape(-1)
    with np.errstate(invalid="ignore"):
        known = ~np.isnan(flat)
        whole = known & (flat == np.trunc(flat)) & (np.abs(flat) < 2.0**53)
    out = np.full(flat.shape, None, object)
    out[whole] = flat[whole].astype(np.int64)
    rest = known & ~whole
    out[rest] = _shortest(flat[rest])
    rows: list[list[Number]] = out.reshape(values.shape).tolist()
    return rows


def _shortest(values: NDArray[np.float32]) -> NDArray[np.object_]:
    """The shortest decimals, as `str` of a float32 has them.

    Rounded to n digits, a number is an integer over a power of ten, and dividing two exact
    float64 gives the float64 nearest to that decimal. Where it is not clear cut (ties, powers
    of two, the very large and small), `str` decides.
    """
    x = values.astype(np.float64)
    out = np.empty(len(x), object)
    with np.errstate(all="ignore"):
        fraction, _ = np.frexp(x)
        leading = np.floor(np.log10(np.abs(x)))
        ulp = np.spacing(np.abs(values)).astype(np.float64)
    open_ = np.isfinite(x) & (np.abs(fraction) != 0.5)
    found, nearest = np.zeros(len(x), np.bool_), np.zeros(len(x))
    for digits in _DIGITS:
        places = digits - 1 - leading
        at = np.flatnonzero(open_ & (places >= 0) & (places <= _EXACT))
        power = 10.0 ** places[at]
        scaled = x[at] * power
        near = np.rint(scaled) / power
        off = np.abs(near - x[at]) / ulp[at]
        sure = off < 0.499
        unclear = ~sure & (off < 0.501) | (np.abs(scaled - np.floor(scaled) - 0.5) < 1e-9) & sure
        nearest[at], found[at] = near, sure & ~unclear
        open_[at[sure | unclear]] = False
    out[found] = nearest[found]
    for unsure in np.flatnonzero(~found).tolist():
        out[unsure] = _one(values[unsure])
    return out


def _one(value: np.floating) -> Number:
    number = float(value)
    return int(number) if number.is_integer() else float(str(value))
