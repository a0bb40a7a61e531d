"""Collections in this process: the index that needs no database, as one. Nothing is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afresh.errors import Unavailable
from afresh.vectors import VectorIndex
from afresh.vectors.databases import Access, Hits, Payload, Shape
from afresh.vectors.databases.columns import Columns
from afresh.vectors.databases.filters import Filter
from afresh.vectors.databases.points import checked_ids, differs, points_of, unit
from afresh.vectors.growing import GrowingIndex


class EmbeddedCollection:
    """A Collection over a VectorIndex. Ids have keys, which are given again once free."""

    def __init__(
        self, name: str, shape: Shape, make_index: Callable[[int], VectorIndex] = GrowingIndex
    ) -> None:
        self.name, self.shape = name, shape
        self._index = make_index(shape.dims)
        self._columns = Columns(shape.fields)
        self._keys: dict[str, int] = {}
        self._ids: list[str] = []
        self._free: list[int] = []
        self._lock = threading.Lock()

    def upsert(
        self, ids: Sequence[str], vectors: NDArray[Any], payloads: Sequence[Payload]
    ) -> None:
        points = points_of(ids, vectors, payloads, self.shape)
        rows = np.array([point.vector for point in points], np.float32)
        with self._lock:
            keys = [self._key(point.id) for point in points]
            for key, point in zip(keys, points, strict=True):
                self._columns.put(key, point.payload)
            self._index.upsert(np.array(keys, np.int64), rows.reshape(-1, self.shape.dims))

    def delete(self, ids: Sequence[str]) -> None:
        with self._lock:
            gone = [self._keys.pop(item) for item in checked_ids(ids) if item in self._keys]
            for key in gone:
                self._columns.drop(key)
            self._free += gone
            self._index.delete(np.array(gone, np.int64))

    def search(self, vector: NDArray[Any], k: int, where: Filter | None = None) -> Hits:
        row = np.array(unit(vector, self.shape.dims), np.float32)
        with self._lock:
            allowed = None if where is None else self._columns.passed(where, len(self._ids))
            near = self._index.search(row, k, allowed)
            return Hits([self._ids[key] for key in near.keys.tolist()], near.cosines)

    def count(self) -> int:
        return len(self._index)

    def flush(self) -> None:
        """All is found at once."""

    def _key(self, item: str) -> int:
        key = self._keys.get(item)
        if key is None:
            if self._free:
                key = self._free.pop()
                self._ids[key] = item
            else:
                key = len(self._ids)
                self._ids.append(item)
            self._keys[item] = key
        return key


class EmbeddedDatabase:
    """A VectorDatabase of EmbeddedCollections. url: `embedded://`."""

    def __init__(self, access: Access) -> None:
        self.where = "this process"
        self._collections: dict[str, EmbeddedCollection] = {}
        self._aliases: dict[str, str] = {}

    def make(self, name: str, shape: Shape) -> EmbeddedCollection:
        held = self._collections.get(name)
        if held is not None:
            differs(name, self.where, held.shape.dims, "cosine", shape)
            return held
        self._collections[name] = EmbeddedCollection(name, shape)
        return self._collections[name]

    def names(self) -> list[str]:
        return sorted(self._collections)

    def drop(self, name: str) -> None:
        self._collections.pop(name, None)

    def switch(self, alias: str, name: str) -> None:
        if name not in self._collections:
            raise Unavailable(f"There is no collection {name!r}.", hint="Make it first.")
        self._aliases[alias] = name

    def live(self, alias: str) -> str | None:
        return self._aliases.get(alias)

    def close(self) -> None:
        self._collections.clear()
