"""Vector indexes: which keys lie nearest to a vector. Each backend is a file.

Keys are int64 numbers that the caller gives and keeps; a vector is `dims` float32, of any
length above zero: only its direction counts. An index is for one thread at a time, is never
written to disk, and is built again from what its vectors were made of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from afresh.errors import BadRequest

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
    # In float64: squares of float32 overflow, and those of small numbers vanish.
    lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
    wrong = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(wrong):
        raise BadRequest(
            f"Vector {wrong[0]} of {len(rows)} has no direction: it is all zero or not finite.",
            hint="Leave such items out, or delete their keys.",
            code="vector_without_direction",
        )
    return np.asarray(rows / lengths[:, None], np.float32)


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
    if k <= 0 or not len(keys):
        return Near()
    if len(keys) > k:
        border = np.partition(cosines, len(cosines) - k)[len(cosines) - k]
        inside = np.flatnonzero(cosines >= border)
        keys, cosines = keys[inside], cosines[inside]
    order = np.lexsort((keys, -cosines))[:k]
    return Near(keys[order], cosines[order])
