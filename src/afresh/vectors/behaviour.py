"""Behaviour vectors: fitted ones, put to the numbers that a replica gives its items now.

Rows, not item numbers, are the index's keys, so a sweep that renumbers items touches two arrays. An
item that came after the fit gets a row as soon as it has a text: where the bridge puts it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afresh.catalog_state import CatalogState
from afresh.retrieve import Candidates
from afresh.store.replica import Replica
from afresh.vectors import Vectors
from afresh.vectors.fitted import FittedVectors
from afresh.vectors.growing import GrowingIndex
from afresh.vectors.items import ItemVectors

CHUNK = 4096
"""Items that are looked up together, under the replica's lock."""
BATCH = 256
"""Items that a request looks up before it searches; the others wait for the next one."""


class BehaviourVectors:
    """The fitted vectors of one replica's items; a follower of it. texts: the vectors of its texts,
    None where the app has none. The caller holds the replica's lock, but for `prepare`."""

    _catalog: CatalogState
    _index: GrowingIndex
    _row_of: NDArray[np.int64]
    _item_of: NDArray[np.int64]
    _again: dict[int, None]

    def __init__(self, replica: Replica, fitted: FittedVectors, texts: ItemVectors | None) -> None:
        self.replica, self.fitted = replica, fitted
        self.texts = texts if texts is not None and texts.encoder.name == fitted.encoder else None
        self._row_of_id = fitted.numbered()
        self._preparing = self._overtaken = False
        self._follow()

    def __len__(self) -> int:
        """The items that have a vector."""
        return len(self._index)

    @property
    def name(self) -> str:
        return self.fitted.name

    def prepare(self) -> None:
        """Take in all items there are, before the first search; holds the lock only to look a
        chunk of them up, not while the index is built."""
        with self.replica.lock:
            self._preparing = True
            self.replica.followers.append(self)
        while self._preparing:
            with self.replica.lock:
                if self._overtaken or self.replica.catalog is not self._catalog:
                    self._overtaken = False
                    self._follow()
                rows, vectors = self._looked_up(CHUNK)
            self._index.upsert(rows, vectors)
            with self.replica.lock:
                self._preparing = self._behind or self._overtaken

    def drop(self) -> None:
        """Follow no longer."""
        self.replica.followers.remove(self)

    def of(self, items: NDArray[np.int64]) -> tuple[NDArray[np.bool_], Vectors]:
        """Which items have a vector, bool[n]; and these: float32[those, dims], of length one."""
        self.refresh(BATCH)
        rows = self._rows(items)
        return rows >= 0, self._index.get(rows[rows >= 0])

    def near(self, vector: NDArray[np.floating], n: int) -> Candidates:
        """The n items nearest to a vector [dims]; scores are cosines, above zero."""
        self.refresh(BATCH)
        found = self._index.search(vector, n)
        items = self._item_of[found.keys]
        kept = (items >= 0) & (found.cosines > 0)
        return Candidates(items[kept], found.cosines[kept].astype(np.float64))

    def refresh(self, most: int) -> None:
        """Look at items that are new or have changed, `most` of them."""
        if self.replica.catalog is not self._catalog:
            self._follow()
        if self._behind:
            self._index.upsert(*self._looked_up(most))

    def changed(self, numbers: NDArray[np.int64]) -> None:
        """Items were put or deleted: those that the fit did not know are looked at again."""
        if self._preparing:
            self._overtaken = True
            return
        rows = self._rows(numbers)
        self._again.update(dict.fromkeys(numbers[rows < 0].tolist()))
        bridged = numbers[rows >= len(self.fitted)]
        if len(bridged):
            self._unplace(bridged)
            self._again.update(dict.fromkeys(bridged.tolist()))

    def renumber(self, moved: NDArray[np.int64]) -> None:
        """Items have new numbers: moved[old] = new, -1 for those that are forgotten."""
        if self._preparing:
            self._overtaken = True  # the index is another thread's
        if self._preparing or self.replica.catalog is not self._catalog:
            return  # all are looked at anew
        known = np.flatnonzero(self._item_of >= 0)
        self._item_of[known] = moved[self._item_of[known]]
        gone = known[self._item_of[known] < 0]
        self._index.delete(gone)
        self._row_of = np.full(len(self._row_of), -1, np.int64)
        known = np.flatnonzero(self._item_of >= 0)
        self._row_of[self._item_of[known]] = known
        self._next = 0  # numbers that were to be looked at are others now
        self._again.clear()

    def continued(self, catalog: CatalogState, moved: NDArray[np.int64]) -> None:
        """The replica goes on with another catalogue of the same records, numbered anew."""
        if self.replica.catalog is self._catalog:
            self.renumber(moved)
            self._catalog = catalog

    def _follow(self) -> None:
        """Begin with the replica's items as they stand."""
        self._catalog = self.replica.catalog
        self._index = GrowingIndex(self.fitted.dims)
        self._row_of = np.full(1 << 10, -1, np.int64)
        self._item_of = np.full(len(self.fitted), -1, np.int64)
        self._next = 0
        self._again = {}

    @property
    def _behind(self) -> bool:
        return self._next < len(self.replica.state.items) or bool(self._again)

    def _rows(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of each item its row, -1 where it has none."""
        inside = (items >= 0) & (items < len(self._row_of))
        return np.where(inside, self._row_of[np.where(inside, items, 0)], -1)

    def _looked_up(self, most: int) -> tuple[NDArray[np.int64], Vectors]:
        """Give rows to the next items, `most` of them; what is to be put under these rows."""
        end = min(self._next + most, len(self.replica.state.items))
        numbers = np.arange(self._next, end)
        self._next = end
        if len(numbers) < most and self._again:
            again = list(self._again)[: most - len(numbers)]
            for number in again:
                del self._again[number]
            numbers = np.unique(np.concatenate([numbers, np.array(again, np.int64)]))
        numbers = numbers[self._rows(numbers) < 0]
        column = self.replica.state.items.column(numbers)
        rows = self._row_of_id.find(column, len(numbers))
        fitted = rows >= 0
        self._place(numbers[fitted], rows[fitted])
        more, vectors = self._bridged(numbers[~fitted])
        return (
            np.concatenate([rows[fitted], more]),
            np.concatenate([self.fitted.rows[rows[fitted]], vectors]),
        )

    def _bridged(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], Vectors]:
        """New rows for items that the fit did not know, where their texts lead anywhere."""
        nothing = np.empty(0, np.int64), np.empty((0, self.fitted.dims), np.float32)
        if self.texts is None or not len(numbers):
            return nothing
        said, texts = self.texts.of(numbers)
        vectors = self.fitted.bridged(texts)
        leads = np.asarray(vectors.any(axis=1))
        items = numbers[said][leads]
        rows = np.arange(len(self._item_of), len(self._item_of) + len(items))
        self._item_of = np.concatenate([self._item_of, np.full(len(items), -1, np.int64)])
        self._place(items, rows)
        return rows, vectors[leads]

    def _place(self, items: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        if len(items) and items.max() >= len(self._row_of):
            longer = np.full(2 * int(items.max()) + 1, -1, np.int64)
            longer[: len(self._row_of)] = self._row_of
            self._row_of = longer
        self._row_of[items], self._item_of[rows] = rows, items

    def _unplace(self, items: NDArray[np.int64]) -> None:
        rows = self._row_of[items]
        self._index.delete(rows)
        self._row_of[items], self._item_of[rows] = -1, -1
