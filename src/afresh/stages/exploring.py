"""Exploring: new items for the last places of a page, drawn with a probability that is said."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afresh.features.plan import Feature
from afresh.retrieve.exploration import Explored, Newcomers, drawn, explore, first_chances
from afresh.retrieve.thompson import chances
from afresh.store.replica import Replica
from afresh.surfaces.spec import Exploration

ENOUGH = 200
"""An item that was shown so often, or taken so often, is no newcomer: its counts speak for it."""
TRIED = 100
"""How many items are tried at a time, the newest."""
LOOKED = 20_000
"""How many items are looked at for those, the newest first."""
STEP = 1000
REFRESH_MS = 10_000


class Exploring:
    """The pools of one replica, and draws from them; the caller holds the lock."""

    def __init__(self, replica: Replica, newcomers: Newcomers) -> None:
        self.replica, self.newcomers = replica, newcomers
        self._tried: dict[Exploration, tuple[int, int, NDArray[np.int64]]] = {}
        self._chances: tuple[bytes, NDArray[np.float64]] = b"", np.empty(0)
        self._drawn: tuple[Exploration, NDArray[np.int64]] = Exploration(), np.empty(0, np.int64)

    def pool(self, wanted: Exploration, now: int) -> NDArray[np.int64]:
        """Which items may be tried: int64[k]."""
        if not wanted.shown or self._features(wanted) is None:
            return self.newcomers.pool(now).items
        at, generation, items = self._tried.get(wanted, (0, -1, np.empty(0, np.int64)))
        if not 0 <= now - at <= REFRESH_MS or generation != self.replica.generation:
            items = self._walked(wanted, now)
            self._tried[wanted] = now, self.replica.generation, items
        return items[self.replica.catalog.is_present(items)]

    def draw(
        self, wanted: Exploration, items: NDArray[np.int64], slots: int, now: int, seed: int
    ) -> Explored:
        """Of the items that may be shown, int64[k] of a pool in its order, so many."""
        self._drawn = wanted, items
        if not wanted.shown or self._features(wanted) is None:
            return explore(items, slots, seed)
        return drawn(items, self._best(wanted, items, now), slots, seed)

    def first(self, now: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The items that the last draw was made from, int64[k], and the chance of each to stand in
        the first slot, float64[k]."""
        wanted, items = self._drawn
        if not wanted.shown or self._features(wanted) is None:
            return items, first_chances(len(items))
        return items, self._best(wanted, items, now)

    def forget(self) -> None:
        """No draw was made."""
        self._drawn = Exploration(), np.empty(0, np.int64)

    def _best(self, wanted: Exploration, items: NDArray[np.int64], now: int) -> NDArray[np.float64]:
        """The chance of each item, float64[k], computed again when a count has changed."""
        counts = self._counts(wanted, items, now)
        key = counts.tobytes()
        if self._chances[0] != key:
            self._chances = key, chances(counts[:, 0], counts[:, 1])
        return self._chances[1]

    def _walked(self, wanted: Exploration, now: int) -> NDArray[np.int64]:
        """The newest items that have not been shown or taken often enough."""
        every = np.flatnonzero(self.replica.catalog.present)[::-1]
        found: list[NDArray[np.int64]] = []
        for first in range(0, min(len(every), LOOKED), STEP):
            some = every[first : first + STEP]
            counts = self._counts(wanted, some, now)
            found.append(some[(counts < ENOUGH).all(axis=1)])
            if sum(map(len, found)) >= TRIED:
                break
        return np.concatenate(found)[:TRIED] if found else np.empty(0, np.int64)

    def _counts(
        self, wanted: Exploration, items: NDArray[np.int64], now: int
    ) -> NDArray[np.float64]:
        """How often each item was shown and taken: float64[k, 2]."""
        features = self._features(wanted)
        assert features is not None
        read = self.replica.reader.matrix(items, features, now).astype(np.float64)
        return np.nan_to_num(read)

    def _features(self, wanted: Exploration) -> tuple[Feature, Feature] | None:
        """Both features; None while a state of an older plan does not have them yet."""
        named = self.replica.reader.by_name
        shown, taken = named.get(wanted.shown), named.get(wanted.taken)
        return None if shown is None or taken is None else (shown, taken)
