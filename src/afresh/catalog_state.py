"""The catalogue as it stands: item records of the log, the last one of each item.

Records are kept as the JSON they were written as; beside them stand the columns
that filters and splits read, one value an item number. An item's number is that
of the interner it shares with the fold.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec
import numba
import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import NULL, EventBatch
from afresh.events.columnar import fixed_point
from afresh.features.interning import Interner
from afresh.features.plan import Plan, PlanField
from afresh.features.room import MEMORY

_DTYPES = {"int": np.int64, "decimal": np.int64, "bool": np.int64, "float": np.float64}


@numba.njit(cache=True, nogil=True)
def _take(column, numbers, null):  # type: ignore[no-untyped-def]
    """column[numbers], of int[n]; null for numbers that it does not reach."""
    out = np.empty(len(numbers), column.dtype)
    for at in range(len(numbers)):
        known = 0 <= numbers[at] < len(column)
        out[at] = column[numbers[at]] if known else null
    return out


class CatalogState:
    """Items by number, after `folded` groups of records. `present` bool[items]; `columns` name ->
    int64 or float64 [items].

    A text column holds the number of its text in `labels`, -1 for null; a number column
    holds NULL (int64) or NaN (float64) for null.
    """

    def __init__(self, plan: Plan, items: Interner) -> None:
        self.fields = {field.name: field for field in plan.catalog.fields}
        self.items = items
        said: list[Any] = [("item_id", str), ("deleted", bool, False)]
        shape = msgspec.defstruct("Record", [*said, *((n, Any, None) for n in self.fields)])
        self._lines = msgspec.json.Decoder(shape)
        self.records: dict[int, bytes] = {}
        self.folded = 0
        self.present = np.zeros(64, np.bool_)
        self.labels = {n: Interner() for n, f in self.fields.items() if f.kind == "str"}
        self.columns = {n: _empty(f, 64) for n, f in self.fields.items() if f.kind != "list[str]"}
        self._written = sorted(
            {
                source
                for i in plan.inputs
                for source in (i.name, i.fallback)
                if source is not None and source.startswith("item.")
            }
        )
        self._as_text = {
            source for i in plan.inputs if i.kind == "text" for source in (i.name, i.fallback)
        }

    def __len__(self) -> int:
        return len(self.records)

    def fold(self, payload: bytes) -> NDArray[np.int64]:
        """Apply item records (NDJSON), the last of each item; one with `deleted` removes it.
        Returns the numbers of the items: int64[k]."""
        lines = [line for line in payload.split(b"\n") if line]
        if not lines:
            return np.empty(0, np.int64)
        self.folded += 1
        records: list[Any] = self._lines.decode_lines(payload)
        ids = "\0".join([record.item_id for record in records]).encode()
        numbers = self.items.intern(ids, len(records))
        self._reserve(len(self.items))
        last = dict(zip(numbers.tolist(), range(len(records)), strict=True))
        kept = [records[at] for at in last.values()]
        for (number, at), record in zip(last.items(), kept, strict=True):
            if record.deleted:
                self.records.pop(number, None)
            else:
                self.records[number] = lines[at]
        rows = np.fromiter(last, np.int64, len(last))
        self.present[rows] = [not record.deleted for record in kept]
        for name, column in self.columns.items():
            column[rows] = self._cells(self.fields[name], kept)
        return rows

    def _cells(self, field: PlanField, records: list[Any]) -> NDArray[np.generic]:
        """A field of some records as the column holds it; that of a deleted item is null."""
        name, default = field.name, field.default
        values = list(map(attrgetter(name), records))
        if default is not None:
            filled = zip(values, records, strict=True)
            values = [default if v is None and not record.deleted else v for v, record in filled]
        if field.kind == "str":
            texts = "\0".join([value or "" for value in values]).encode()
            return self.labels[name].intern(texts, len(values))
        null = _null(field)
        if field.kind == "decimal":
            exact = [None if v is None else Decimal(str(v)) for v in values]
            values = [None if v is None else fixed_point(v, field.places) for v in exact]
        return np.array([null if value is None else value for value in values], _DTYPES[field.kind])

    def _reserve(self, items: int) -> None:
        had = len(self.present)
        if items <= had:
            return
        capacity = max(2 * had, items)
        self.present = MEMORY.grown(self.present, capacity)
        self.present[had:] = False
        for name, column in self.columns.items():
            larger = _empty(self.fields[name], capacity)
            larger[:had] = column
            self.columns[name] = larger

    def renumber(self, moved: NDArray[np.int64]) -> None:
        """Items have new numbers: moved[old] = new, -1 for items that no record has."""
        old = np.flatnonzero(moved >= 0)
        old = old[old < len(self.present)]
        new = moved[old]
        size = max(int(moved.max(initial=0)) + 1, 64)
        self.records = {int(moved[number]): line for number, line in self.records.items()}
        present = np.zeros(size, np.bool_)
        present[new] = self.present[old]
        self.present = present
        for name, column in self.columns.items():
            self.columns[name] = _empty(self.fields[name], size)
            self.columns[name][new] = column[old]

    def dump(self) -> dict[str, NDArray[np.generic]]:
        """Copies of the arrays that `restore` needs, beside those of the items' names."""
        size = min(len(self.items), len(self.present))
        lines = b"\n".join(self.records.values())
        arrays: dict[str, NDArray[np.generic]] = {
            "numbers": np.fromiter(self.records, np.int64, len(self.records)),
            "records": np.frombuffer(lines, np.uint8),
        }
        arrays |= {f"column.{name}": a[:size].copy() for name, a in self.columns.items()}
        for name, labels in self.labels.items():
            arrays |= {f"label.{name}.{part}": a.copy() for part, a in labels.dump().items()}
        return arrays

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Fill an empty catalogue of the same plan, once the items have their names."""
        self._reserve(len(self.items))
        numbers = arrays["numbers"].astype(np.int64)
        lines = arrays["records"].tobytes().split(b"\n")
        self.records = dict(zip(numbers.tolist(), lines, strict=False))
        self.present[numbers] = True
        for name, column in self.columns.items():
            kept = arrays[f"column.{name}"]
            column[: len(kept)] = kept
        for name, labels in self.labels.items():
            labels.restore({p: arrays[f"label.{name}.{p}"] for p in ("arena", "begin")})

    def number(self, item_id: str) -> int | None:
        """The number of an item in the catalogue, or None."""
        found = self.items.find_one(item_id) if item_id else -1
        return found if found >= 0 and found < len(self.present) and self.present[found] else None

    def line(self, item_id: str) -> bytes | None:
        """An item's record as JSON, as it was put; None when there is none."""
        number = self.number(item_id)
        return None if number is None else self.records[number]

    def record(self, item_id: str) -> dict[str, Any] | None:
        """An item's record as it was put, defaults filled in; None when there is none."""
        number = self.number(item_id)
        return None if number is None else self.record_at(number)

    def record_at(self, number: int) -> dict[str, Any] | None:
        line = self.records.get(number)
        if line is None:
            return None
        record: dict[str, Any] = msgspec.json.decode(line)
        defaults = {n: f.default for n, f in self.fields.items()}
        return {**defaults, **record}

    def __iter__(self) -> Iterator[bytes]:
        """Every record as JSON, by item id."""
        by_id = {msgspec.json.decode(line)["item_id"]: line for line in self.records.values()}
        return (by_id[item_id] for item_id in sorted(by_id))

    def take(self, name: str, numbers: NDArray[np.int64]) -> NDArray[np.generic]:
        """A column for some items; items past the column's end are null."""
        taken: NDArray[np.generic] = _take(self.columns[name], numbers, _null(self.fields[name]))
        return taken

    def is_present(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(_take(self.present, numbers, False))

    def write_into(self, batch: EventBatch) -> None:
        """Add the `item.<field>` columns that the plan reads to a batch being admitted."""
        if not self._written or batch.n == 0:
            return
        numbers = self.items.find(batch.texts["item_id"], batch.n)
        for source in self._written:
            field = self.fields[source.removeprefix("item.")]
            values = self.take(field.name, numbers)
            if source in self._as_text:
                batch.texts[source] = self._text_column(field, values)
            else:
                batch.numbers[source] = values.astype(np.int64)
                batch.places[source] = field.places

    def _text_column(self, field: PlanField, values: NDArray[np.generic]) -> bytes:
        if field.kind == "str":
            return self.labels[field.name].column(values.astype(np.int64))
        codes, where = np.unique(values, return_inverse=True)
        texts = [group_text(field, int(c)).encode() if c != NULL else b"" for c in codes]
        return b"\0".join([texts[i] for i in where.tolist()])


def group_text(field: PlanField, value: int) -> str:
    """A number as the name of a group."""
    if field.kind == "bool":
        return "true" if value else "false"
    return f"{value / 10**field.places:.{field.places}f}" if field.places else str(value)


def _null(field: PlanField) -> int | float:
    return -1 if field.kind == "str" else np.nan if field.kind == "float" else NULL


def _empty(field: PlanField, items: int) -> NDArray[Any]:
    dtype = _DTYPES.get(field.kind, np.int64)
    return np.full(items, _null(field), dtype)
