"""Values as of any moment, a row each, as the columns of an Arrow table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from afresh.feast.columns import Column, columns
from afresh.feast.types import number_type
from afresh.features.asof import states_as_of
from afresh.features.plan import Feature, Plan
from afresh.features.reading import Reader
from afresh.log import Log


class Rows(NamedTuple):
    """Of which entity and as of when: n names, int64[n] UTC ms; and which features of it."""

    key: str
    names: Sequence[str]
    moments: NDArray[np.int64]
    features: Sequence[Feature]


def history(plan: Plan, log: Log, rows: Rows) -> list[Any]:
    """An Arrow array a feature, in the order of the rows: what `as_of` says of each of them.

    One pass over the log, whatever the number of moments.
    """
    made: list[list[Any]] = [[None] * len(rows.names) for _ in rows.features]
    order = np.argsort(rows.moments, kind="stable")
    moments, starts = np.unique(rows.moments[order], return_index=True)
    names = list(dict.fromkeys(rows.names))
    reader: Reader | None = None
    states = states_as_of(plan, log, rows.key, names, moments.tolist())
    parts = np.split(order, starts[1:])
    for state, moment, part in zip(states, moments.tolist(), parts, strict=True):
        reader = reader or Reader(state)
        mine = [rows.names[row] for row in part]
        for out, column in zip(
            made, columns(reader, rows.key, mine, rows.features, moment), strict=True
        ):
            for row, value in zip(part.tolist(), _plain(column), strict=True):
                out[row] = value
    pairs = zip(made, rows.features, strict=True)
    return [pa.array(values, _arrow_type(feature)) for values, feature in pairs]


def _plain(column: Column) -> list[Any]:
    """The values as Python has them, None for null; a map as its pairs."""
    if not isinstance(column.values, np.ndarray):
        return [list(v.items()) if isinstance(v, dict) else v for v in column.values]
    values = column.values.astype(object)
    values[column.null] = None
    plain: list[Any] = values.tolist()
    return plain


def _arrow_type(feature: Feature) -> Any:
    if feature.kind == "last":
        return pa.list_(pa.string())
    number = pa.int64() if number_type(feature) == "Int64" else pa.float32()
    return number if feature.split is None else pa.map_(pa.string(), number)
