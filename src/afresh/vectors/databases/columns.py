"""Columns: the filterable fields of points in this process, and filters as masks over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from afresh.vectors.databases import Field, Value
from afresh.vectors.databases.filters import Filter, translated

Mask = NDArray[np.bool_]
Values = Sequence[str | float | bool]


class Columns:
    """A float64 a field and key, NaN where it is absent; texts by number, flags as 0 and 1."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = tuple(fields)
        self.there = np.zeros(64, np.bool_)
        self.columns = {field.name: np.full(64, np.nan) for field in fields}
        self.numbers: dict[str, int] = {}
        """Of the texts met so far."""

    def put(self, key: int, payload: Mapping[str, Value]) -> None:
        """Keep the fields of a point."""
        if key >= len(self.there):
            size = max(2 * len(self.there), key + 1)
            self.there = np.resize(self.there, size)
            self.columns = {name: np.resize(held, size) for name, held in self.columns.items()}
        self.there[key] = True
        for name, column in self.columns.items():
            column[key] = self.number(payload.get(name), add=True)

    def drop(self, key: int) -> None:
        """Forget a point."""
        self.there[key] = False

    def passed(self, where: Filter, used: int) -> NDArray[np.int64]:
        """The keys below `used` of points that a filter lets pass. Raises BadRequest."""
        mask = translated(where, self.fields, _Masks(self, used))
        return np.flatnonzero(mask & self.there[:used])

    def number(self, value: Value, *, add: bool = False) -> float:
        """A value as it stands in a column; -1 for a text that no point ever had."""
        if value is None:
            return np.nan
        if isinstance(value, str):
            return (
                self.numbers.setdefault(value, len(self.numbers))
                if add
                else (self.numbers.get(value, -1))
            )
        return float(value)


class _Masks:
    """Filters as bool[used]; a comparison with NaN is false."""

    def __init__(self, held: Columns, used: int) -> None:
        self.held, self.used = held, used

    def one_of(self, field: Field, values: Values) -> Mask:
        wanted = [self.held.number(value) for value in values]
        column = self._column(field)
        return self.either([column == value for value in wanted])

    def none_of(self, field: Field, values: Values) -> Mask:
        return ~self.one_of(field, values)

    def between(self, field: Field, least: float | None, most: float | None) -> Mask:
        column = self._column(field)
        above = column >= (-np.inf if least is None else least)
        return np.asarray(above & (column <= (np.inf if most is None else most)))

    def outside(self, field: Field, least: float | None, most: float | None) -> Mask:
        return ~self.between(field, least, most)

    def both(self, parts: Sequence[Mask]) -> Mask:
        return np.asarray(np.logical_and.reduce(list(parts)))

    def either(self, parts: Sequence[Mask]) -> Mask:
        return np.asarray(np.logical_or.reduce(list(parts)))

    def _column(self, field: Field) -> NDArray[np.float64]:
        return self.held.columns[field.name][: self.used]
