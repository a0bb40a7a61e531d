"""The embedded index: HNSW graphs of usearch, float16, with live adds, updates and deletes.

Malkov, Yashunin: Efficient and robust approximate nearest neighbor search using hierarchical
navigable small world graphs, 2018. Approximate: some of the nearest k are missed, and which
ones depends on the order of the adds. Adds are batched by the caller: each costs milliseconds
and holds up searches.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from afresh.errors import MissingDependency
from afresh.vectors import Keys, Near, Vectors, latest, nearest, unit_rows

CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 16, 128, 256
"""Links a node, and how many candidates an add and a search keep in view."""
FEW = 8
"""Where not one in so many keys is allowed, comparing those allowed beats walking the graph."""


class EmbeddedIndex:
    """A VectorIndex over usearch. Raises MissingDependency without the extra `vectors`."""

    def __init__(self, dims: int, *, threads: int = 1) -> None:
        self.dims = dims
        self.threads = threads
        self._index = _new(dims)

    def __len__(self) -> int:
        return len(self._index)

    def upsert(self, keys: Keys, vectors: NDArray[Any]) -> None:
        keys, units = latest(keys, unit_rows(vectors, self.dims))
        self.delete(keys)
        if len(keys):
            self._index.add(keys.astype(np.uint64), units, threads=self.threads)

    def delete(self, keys: Keys) -> None:
        known = self._known(np.unique(np.asarray(keys, np.int64)))
        if len(known):
            self._index.remove(known.astype(np.uint64), threads=self.threads)

    def search(self, vector: NDArray[Any], k: int, allowed: Keys | None = None) -> Near:
        units = unit_rows(np.asarray(vector)[None], self.dims)
        if k <= 0 or not len(self):
            return Near()
        if allowed is None:
            return self._walk(units[0], k)
        known = self._known(np.unique(np.asarray(allowed, np.int64)))
        if len(known) * FEW <= len(self) or len(known) <= k:
            return nearest(known, self.get(known) @ units[0], k) if len(known) else Near()
        looked = k
        while True:
            looked = min(FEW * looked, len(self))
            found = self._walk(units[0], looked)
            inside = np.isin(found.keys, known)
            if np.count_nonzero(inside) >= k or looked == len(self):
                return nearest(found.keys[inside], found.cosines[inside], k)

    def get(self, keys: Keys) -> Vectors:
        """As the protocol says; rounded to float16."""
        if not len(keys):
            return np.empty((0, self.dims), np.float32)
        held = self._index.get(keys.astype(np.uint64), dtype="f32")
        return np.asarray(held, np.float32).reshape(len(keys), self.dims)

    def _walk(self, unit: Vectors, k: int) -> Near:
        found = self._index.search(unit, min(k, len(self)), threads=1)
        return nearest(found.keys.astype(np.int64), 1 - np.asarray(found.distances, np.float32), k)

    def _known(self, keys: Keys) -> Keys:
        if not len(keys) or not len(self):
            return keys[:0]
        return keys[np.asarray(self._index.contains(keys.astype(np.uint64)), np.bool_)]


def _new(dims: int) -> Any:
    try:
        from usearch.index import Index
    except ImportError as error:
        raise MissingDependency(
            "The embedded vector index needs usearch, which is not installed.",
            hint="Install it with the extra `vectors`: pip install 'afresh[vectors]'.",
        ) from error
    return Index(
        ndim=dims,
        metric="cos",
        dtype="f16",
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD,
        expansion_search=EXPANSION_SEARCH,
    )
