"""From a batch's columns to what the kernels read: numbers, groups, type codes."""

from __future__ import annotations

from itertools import pairwise

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.errors import DefinitionError
from afresh.events.batch import NULL, EventBatch
from afresh.features.interning import Interner
from afresh.features.plan import Input, Plan

UNKNOWN = 255
"""The code of an event type that the plan does not name."""

HOUR_MS = 3_600_000
HOURS = [str(hour) for hour in range(24)]

NO_GROUP = 0
"""The group of events whose splitting field is null; text t has group 1 + its number."""


def item_columns(plan: Plan) -> tuple[list[str], dict[str, int]]:
    """The columns of the catalogue that the door writes into events: those with text, and those
    with numbers, with the decimal places of each."""
    places = {f"item.{field.name}": field.places for field in plan.catalog.fields}
    texts: dict[str, None] = {}
    numbers: dict[str, int] = {}
    for source in plan.inputs:
        for name in (source.name, source.fallback):
            if name in places and source.kind == "text":
                texts[name] = None
            elif name in places:
                numbers[name] = places[name]
    return list(texts), {name: n for name, n in numbers.items() if name not in texts}


def type_table(types: tuple[str, ...], plan: Plan) -> NDArray[np.uint8]:
    """The plan's code of each of a batch's types: uint8[256]."""
    known = {event.name: code for code, event in enumerate(plan.events)}
    table = np.full(256, UNKNOWN, np.uint8)
    for code, name in enumerate(types):
        table[code] = known.get(name, UNKNOWN)
    return table


def number_rows(batch: EventBatch, plan: Plan) -> NDArray[np.int64]:
    """The number inputs of the plan: int64[inputs, n], NULL where there is none."""
    rows = np.full((len(plan.inputs), batch.n), NULL, np.int64)
    done: dict[tuple[str, str | None, int], int] = {}
    for at, source in enumerate(plan.inputs):
        if source.kind == "number":
            # The same number with and without bands is two inputs and one column.
            same = done.setdefault((source.name, source.fallback, source.places), at)
            rows[at] = rows[same] if same != at else _numbers(batch, source)
    return rows


def _numbers(batch: EventBatch, source: Input) -> NDArray[np.int64]:
    column = _scaled(batch, source.name, source.places)
    if source.fallback is not None:
        column = np.where(column == NULL, _scaled(batch, source.fallback, source.places), column)
    return column


def _scaled(batch: EventBatch, name: str, places: int) -> NDArray[np.int64]:
    column = batch.numbers.get(name)
    if column is None:
        return np.full(batch.n, NULL, np.int64)
    have = batch.places.get(name, 0)
    if have == places:
        return column
    if have > places:
        raise DefinitionError(
            f"The log holds {name!r} with {have} decimal places; the definition says {places}.",
            hint=f"Declare it with decimal({have}) again, or export the events and import them.",
        )
    return np.where(column == NULL, NULL, column * 10 ** (places - have))


def group_rows(
    batch: EventBatch, plan: Plan, numbers: NDArray[np.int64], interners: dict[int, Interner]
) -> dict[int, NDArray[np.int64]]:
    """The groups of each splitting input: index in the plan -> int64[n]."""
    groups: dict[int, NDArray[np.int64]] = {}
    for at, source in enumerate(plan.inputs):
        if source.bands:
            groups[at] = _banded(numbers[at], np.array(source.bands, np.int64))
        elif source.kind == "hour":
            groups[at] = 1 + (batch.ts + source.offset) // HOUR_MS % 24
        elif source.kind == "text":
            groups[at] = _texts(batch, source, interners[at]) + 1
    return groups


@numba.njit(cache=True, nogil=True)
def _banded(numbers, bands):  # type: ignore[no-untyped-def]
    """The group of each number: int64[n], of the half-open bands cut at bands int64[k]."""
    groups = np.empty(len(numbers), np.int64)
    for i in range(len(numbers)):
        group = 1
        for border in bands:
            group += numbers[i] >= border
        groups[i] = NO_GROUP if numbers[i] == NULL else group
    return groups


def _texts(batch: EventBatch, source: Input, interner: Interner) -> NDArray[np.int64]:
    found = np.full(batch.n, -1, np.int64)
    for name in (source.name, source.fallback):
        if name is not None and name in batch.texts:
            here = interner.intern(batch.texts[name], batch.n)
            found = np.where(found < 0, here, found)
    return found


def fixed_labels(source: Input) -> list[str] | None:
    """Names of the groups 1, 2, ... of an input that has the same ones always; None: of others."""
    if source.kind == "hour":
        return HOURS
    return band_labels(source.bands) if source.bands else None


def band_labels(bands: tuple[int, ...]) -> list[str]:
    """Names of the half-open bands cut at `bands`: (10, 20) gives <10, 10-19, >=20."""
    middle = [f"{a}-{b - 1}" for a, b in pairwise(bands)]
    return [f"<{bands[0]}", *middle, f">={bands[-1]}"]
