"""Features of many entities as columns, one a feature, of the types that Feast knows them by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from afresh.feast.types import number_type
from afresh.features.plan import Feature
from afresh.features.reading import Reader

Numbers = NDArray[np.float32] | NDArray[np.int64]
Groups = dict[str, int | float | None]


class Column(NamedTuple):
    """A feature of n entities. values: int64[n] or float32[n] of a number, beside which null
    bool[n] says where there is none; a list a row of `last`; a dict a row of a split."""

    feature: Feature
    values: Numbers | list[list[str]] | list[Groups]
    null: NDArray[np.bool_]


def columns(
    reader: Reader, key: str, names: Sequence[str], features: Sequence[Feature], now: int
) -> list[Column]:
    """One column a feature, a row an entity, as of now (UTC ms): what `Reader.values` says."""
    numbers = reader.state.find(key, list(names))
    never = np.zeros(len(names), np.bool_)
    plain = [feature for feature in features if feature.is_number]
    matrix = iter(reader.matrix(numbers, plain, now).T) if plain else iter(())
    out = []
    for feature in features:
        if feature.is_number:
            out.append(_number(feature, next(matrix)))
        elif feature.kind == "last":
            lists = [reader.recent(number, feature, now) for number in numbers.tolist()]
            out.append(Column(feature, lists, never))
        else:
            found = [reader.groups(number, feature, now) for number in numbers.tolist()]
            out.append(Column(feature, [_groups(feature, each) for each in found], never))
    return out


def _number(feature: Feature, values: NDArray[np.float32]) -> Column:
    null = np.isnan(values)
    if number_type(feature) == "Float32":
        return Column(feature, values, null)
    return Column(feature, np.where(null, 0, values).astype(np.int64), null)


def _groups(feature: Feature, found: dict[str | None, float]) -> Groups:
    """The group without a name is the empty one, as in JSON."""
    values = np.array(list(found.values()), np.float32)
    column = _number(feature, values)
    assert isinstance(column.values, np.ndarray)
    rows = zip(found, column.values.tolist(), column.null.tolist(), strict=True)
    return {name or "": None if null else value for name, value, null in rows}
