"""Exploration: new items in reserved slots, so that they get a chance and their worth is learned.

The pool is what few people have touched, the newest first. Each slot shows the pool's best with
probability 1 - epsilon, else any of the pool alike, and says how probable its choice was:
outcomes divided by that propensity are an unbiased estimate for any other choice
(Horvitz, Thompson 1952; Strehl et al.: Learning from logged implicit exploration data, 2010).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from afresh.retrieve import Candidates
from afresh.store.replica import Replica

POOL = 200
REFRESH_MS = 10_000
EPSILON = 0.2


@dataclass(slots=True)
class Explored:
    """items int64[slots], distinct, and the probability of each given those before it."""

    items: NDArray[np.int64]
    propensities: NDArray[np.float64]

    @classmethod
    def nothing(cls) -> Explored:
        return cls(np.empty(0, np.int64), np.empty(0))


class Newcomers:
    """The pool over one replica: found by a walk over all items now and then.

    What is touched in between leaves it at once; what is put in between waits for the walk.
    """

    def __init__(self, replica: Replica, *, size: int = POOL) -> None:
        self.replica = replica
        self.size = size
        self._found = (0, -1, np.empty(0, np.int64), np.empty(0, np.int64))

    def pool(self, now: int) -> Candidates:
        """The `size` items of the catalogue with fewest postings, of equals the newest, best
        first. A score is 1 / (1 + postings)."""
        at, generation, items, counts = self._found
        catalog = self.replica.catalog
        if not 0 <= now - at <= REFRESH_MS or generation != self.replica.generation:
            items = np.flatnonzero(catalog.present)[::-1]
            counts = self._touched(items)
            if len(items) > self.size:
                # Unique whole numbers: few postings first, then the place in `items`.
                order = np.argpartition(counts * len(items) + np.arange(len(items)), self.size)
                items, counts = items[order[: self.size]], counts[order[: self.size]]
            self._found = now, self.replica.generation, items, counts
        kept = catalog.is_present(items) & (self._touched(items) == counts)
        items, counts = items[kept], counts[kept]
        order = np.lexsort((-items, counts))
        return Candidates(items[order], 1 / (1 + counts[order]))

    def _touched(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """The postings of items: int64[n]."""
        heads = self.replica.state.postings.blocks.heads
        inside = items < len(heads)
        held = np.where(inside, heads[np.where(inside, items, 0), 1], 0)
        # A list may hold more than it keeps, until it is trimmed.
        return np.minimum(held, self.replica.state.postings.keep).astype(np.int64)


def explore(pool: Candidates, slots: int, seed: int, *, epsilon: float = EPSILON) -> Explored:
    """Fill slots from a pool, best first, without repeating an item; fewer where it is small.

    The same pool, seed and epsilon give the same items. A caller that knows better what is
    promising, the blend say, sorts the pool before.
    """
    items, chances = pool.items.copy(), []
    draw = np.random.default_rng(seed)
    slots = min(slots, len(items))
    for slot in range(slots):
        left = len(items) - slot
        at = int(draw.integers(left)) if draw.random() < epsilon else 0
        chances.append(epsilon / left + (1 - epsilon if at == 0 else 0.0))
        # The chosen one moves before the others, which keep their order.
        items[slot : slot + at + 1] = np.roll(items[slot : slot + at + 1], 1)
    return Explored(items[:slots], np.array(chances, np.float64))
