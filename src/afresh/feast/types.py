"""Which type of Feast a feature has, and which Python value stands for it."""

from __future__ import annotations

from typing import Literal

from afresh.features.plan import Feature

Number = Literal["Int64", "Float32"]

_WHOLE = ("count", "distinct")
_SCALED = ("total", "min", "max")


def number_type(feature: Feature) -> Number:
    """Of a number, or of each number of a split: Int64 where it is always whole.

    Counts and distinct values are; sums, least and greatest values of whole numbers are too. What
    decays is not. All are computed as float32, so an Int64 is the whole number that JSON shows.
    """
    decays = any(read.window.kind == "decayed" for read in feature.reads)
    whole = feature.kind in _WHOLE or (feature.kind in _SCALED and feature.places == 0)
    return "Int64" if whole and not decays else "Float32"


def feast_type(feature: Feature) -> str:
    """The type as an expression over the names of `feast.types`: a split is a Map from group to
    number, `last` an Array of ids."""
    if feature.kind == "last":
        return "Array(String)"
    return "Map" if feature.split is not None else number_type(feature)
