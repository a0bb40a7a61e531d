"""Vector indexes: which keys lie nearest to a vector. Each backend is a file.

Keys are numbers from 0 on that the caller gives and keeps, low ones rather than high: an index may
set something aside for each up to the greatest. A vector is `dims` float32, of any
length above zero: only its direction counts. An index is for one thread at a time, is never
written to disk, and is built again from what its vectors were made of.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.errors import BadRequest
from afresh.retrieve.top import top

Keys = NDArray[np.int64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Near:
    """keys: int64[n], distinct; cosines: float32[n], descending, ties to the lower key."""

    keys: Keys = field(default_factory=lambda: np.empty(0, np.int64))
    cosines: Vectors = field(default_factory=lambda: np.empty(0, np.float32))


class VectorIndex(Protocol):
    """Live: what was upserted is found, and what was deleted is not, by the very next search.

    Vectors that do not have `dims` numbers, are not finite or have no direction are refused
    with BadRequest, and nothing of the call is kept.
    """

    dims: int

    def __len__(self) -> int: ...

    def upsert(self, keys: Keys, vectors: NDArray[Any]) -> None:
        """Put vectors [n, dims] under keys int64[n]; of a key given twice the last one counts."""
        ...

    def delete(self, keys: Keys) -> None:
        """Forget keys; one that is not there is passed over."""
        ...

    def search(self, vector: NDArray[Any], k: int, allowed: Keys | None = None) -> Near:
        """The at most k keys nearest to a vector [dims]. allowed: only these may be named."""
        ...

    def get(self, keys: Keys) -> Vectors:
        """The vectors, of length one, of keys that are there: float32[n, dims]."""
        ...


def unit_rows(vectors: NDArray[Any], dims: int) -> Vectors:
    """Vectors [n, dims] as float32 of length one. Raises BadRequest as the protocol says."""
    rows = np.asarray(vectors, np.float32)
    if rows.ndim != 2 or rows.shape[1] != dims:
        raise BadRequest(
            f"Vectors of shape {rows.shape} do not fit an index of {dims} dimensions.",
            hint=f"Give an array [n, {dims}]; one model's vectors do not fit another's index.",
            code="vector_shape",
        )
    units, wrong = _units(rows)
    if wrong >= 0:
        raise BadRequest(
            f"Vector {wrong} of {len(rows)} has no direction: it is all zero or not finite.",
            hint="Leave such items out, or delete their keys.",
            code="vector_without_direction",
        )
    return np.asarray(units)


@numba.njit(cache=True, nogil=True)
def _units(rows):  # type: ignore[no-untyped-def]
    """float32[n, dims] of length one, and the first row that has no direction, or -1.

    In float64: squares of float32 overflow, and those of small numbers vanish.
    """
    units, wrong = np.empty(rows.shape, np.float32), -1
    for at in range(len(rows)):
        square = 0.0
        for d in range(rows.shape[1]):
            square += np.float64(rows[at, d]) * np.float64(rows[at, d])
        if not 0.0 < square < np.inf:
            wrong = at if wrong < 0 else wrong
            continue
        length = math.sqrt(square)
        for d in range(rows.shape[1]):
            units[at, d] = rows[at, d] / length
    return units, wrong


def latest(keys: Keys, rows: Vectors) -> tuple[Keys, Vectors]:
    """Each key once, ascending, with the last of its rows. Raises BadRequest on other lengths."""
    if len(keys) != len(rows):
        raise BadRequest(
            f"{len(keys)} keys were given for {len(rows)} vectors.",
            hint="Give one key a vector.",
            code="vector_shape",
        )
    distinct, first = np.unique(np.asarray(keys, np.int64)[::-1], return_index=True)
    return distinct, rows[::-1][first]


def nearest(keys: Keys, cosines: Vectors, k: int) -> Near:
    """The k highest cosines; at the border, too, ties go to the lower key."""
    rows = top(cosines, keys, max(k, 0))
    return Near(keys[rows], cosines[rows])
