"""Points as every backend takes them: checked, each id once, vectors of length one."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from afresh.errors import BadRequest, MissingDependency
from afresh.vectors import unit_rows
from afresh.vectors.databases import AT_ONCE, METRIC, Field, Payload, Shape, Value
from afresh.vectors.databases.filters import fits

LONGEST = 1024
"""Bytes of a text that can be filtered by."""
LONGEST_ID = 256
_SPACE = uuid.UUID("5a3c0f0e-6d0f-5c55-9e8e-0d3f7c1f4a10")


class Point(NamedTuple):
    """vector: float32 of length one; payload: the shape's fields that are there."""

    id: str
    vector: list[float]
    payload: dict[str, Value]


def points_of(
    ids: Sequence[str], vectors: NDArray[Any], payloads: Sequence[Payload], shape: Shape
) -> list[Point]:
    """Points, each id once with the last that was said of it. Raises BadRequest."""
    rows = unit_rows(vectors, shape.dims)
    if not len(ids) == len(rows) == len(payloads) <= AT_ONCE:
        raise BadRequest(
            f"{len(ids)} ids, {len(rows)} vectors and {len(payloads)} payloads were given.",
            hint=f"Give as many of each, {AT_ONCE} at most.",
            code="vector_shape",
        )
    checked_ids(ids)
    held = zip(ids, rows.tolist(), [_payload(said, shape) for said in payloads], strict=True)
    return list({item: Point(item, row, said) for item, row, said in held}.values())


def checked_ids(ids: Sequence[str]) -> list[str]:
    """Each id once. Raises BadRequest for one that cannot be an item's."""
    for item in ids:
        if not 0 < len(item.encode()) <= LONGEST_ID or any(ord(c) < 32 for c in item):
            raise BadRequest(
                f"{item[:40]!r} cannot be the id of an item.",
                hint=f"An id has 1 to {LONGEST_ID} bytes and no control characters.",
                code="vector_id",
            )
    return list(dict.fromkeys(ids))


def unit(vector: NDArray[Any], dims: int) -> list[float]:
    """A vector of length one. Raises BadRequest."""
    row: list[float] = unit_rows(np.asarray(vector)[None], dims)[0].tolist()
    return row


def uuid_of(item: str) -> str:
    """What an item is called where ids have to be UUIDs."""
    return str(uuid.uuid5(_SPACE, item))


def differs(name: str, where: str, dims: int, metric: str, shape: Shape) -> None:
    """Raises BadRequest when a collection that is there is not as wanted."""
    if dims != shape.dims:
        raise BadRequest(
            f"The collection {name!r} at {where} has vectors of {dims} dimensions, not "
            f"{shape.dims}.",
            hint="Another encoder made it. Drop it, or set another vectors_name.",
            code="vector_shape",
        )
    if metric.lower() != METRIC:
        raise BadRequest(
            f"The collection {name!r} at {where} measures by {metric.lower()!r}, not by cosines.",
            hint="It was made by something else. Drop it, or set another vectors_name.",
            code="vector_metric",
        )


def missing(what: str, package: str, extra: str) -> MissingDependency:
    """What to say where a client is not installed."""
    return MissingDependency(
        f"Vectors in {what} need the package {package}, which is not installed.",
        hint=f"Install it with the extra `{extra}`: pip install 'afresh[{extra}]'.",
    )


def _payload(said: Payload, shape: Shape) -> dict[str, Value]:
    pairs = ((field, said.get(field.name)) for field in shape.fields)
    return {field.name: value for field, value in pairs if _is_there(field, value)}


def _is_there(field: Field, value: Value) -> bool:
    if value is None:
        return False
    if not fits(value, field):
        raise BadRequest(
            f"The field {field.name!r} of a point is {value!r}, which is no {field.kind}.",
            hint=f"Give a {field.kind}, or nothing.",
            code="vector_payload",
        )
    if isinstance(value, str):
        return len(value.encode()) <= LONGEST and "\0" not in value
    return math.isfinite(value)
