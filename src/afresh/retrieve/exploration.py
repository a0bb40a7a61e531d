"""Exploration: new items in reserved slots, so that they get a chance and their worth is learned.

The pool is what few people have touched, the newest first. Where nobody counts what was shown (see
`thompson.py` for where somebody does), each slot shows the pool's best with
probability 1 - epsilon, else any of the pool alike, and says how probable its choice was:
outcomes divided by that propensity are an unbiased estimate for any other choice
(Horvitz, Thompson 1952; Strehl et al.: Learning from logged implicit exploration data, 2010).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
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
        self._said: tuple[tuple[int, int], Candidates] | None = None

    def pool(self, now: int) -> Candidates:
        """The `size` items of the catalogue with fewest postings, of equals the newest, best
        first. A score is 1 / (1 + postings)."""
        at, generation, items, counts = self._found
        replica, catalog = self.replica, self.replica.catalog
        if not 0 <= now - at <= REFRESH_MS or generation != replica.generation:
            items = np.flatnonzero(catalog.present)[::-1]
            counts = self._touched(items)
            if len(items) > self.size:
                # Unique whole numbers: few postings first, then the place in `items`.
                order = np.argpartition(counts * len(items) + np.arange(len(items)), self.size)
                items, counts = items[order[: self.size]], counts[order[: self.size]]
            self._found = now, replica.generation, items, counts
            self._said = None
        stands = (replica.state.events, catalog.folded)
        if self._said is None or self._said[0] != stands:
            kept = catalog.is_present(items) & (self._touched(items) == counts)
            items, counts = items[kept], counts[kept]
            order = np.lexsort((-items, counts))
            self._said = stands, Candidates(items[order], 1 / (1 + counts[order]))
        return self._said[1]

    def _touched(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """The postings of items: int64[n]."""
        heads = self.replica.state.postings.blocks.heads
        inside = items < len(heads)
        held = np.where(inside, heads[np.where(inside, items, 0), 1], 0)
        # A list may hold more than it keeps, until it is trimmed.
        return np.minimum(held, self.replica.state.postings.keep).astype(np.int64)


def explore(
    items: NDArray[np.int64], slots: int, seed: int, *, epsilon: float = EPSILON
) -> Explored:
    """Fill slots from a pool int64[n], best first, no item twice; fewer where it is small.

    The same pool, seed and epsilon give the same items. A caller that knows better what is
    promising, the blend say, sorts the pool before.
    """
    slots = min(slots, len(items))
    return Explored(*_drawn(items, slots, np.uint64(seed), epsilon))


def first_chances(n: int, epsilon: float = EPSILON) -> NDArray[np.float64]:
    """The probability that `explore` puts each of a pool of n items, best first, into the first
    slot: float64[n]. In those behind it, that depends on what was drawn before."""
    out = np.full(n, epsilon / max(n, 1))
    out[:1] += 1.0 - epsilon
    return out


def drawn(
    items: NDArray[np.int64], chances: NDArray[np.float64], slots: int, seed: int
) -> Explored:
    """Fill slots from items int64[k], each as probable as its chance float64[k] is among those that
    are left. The same items, chances and seed give the same."""
    slots = min(slots, len(items))
    return Explored(*_weighed(items, chances, slots, np.uint64(seed)))


@numba.njit(cache=True, nogil=True)
def _weighed(pool, chances, slots, seed):  # type: ignore[no-untyped-def]
    """The items of the slots, and the probability of each given those before it."""
    left, out, said = chances.copy(), np.empty(slots, np.int64), np.empty(slots)
    for slot in range(slots):
        whole = np.sum(left)
        seed, here = _uniform(seed)
        passed, at = 0.0, 0
        for j in range(len(left)):
            if left[j] > 0.0:
                at = j
                passed += left[j]
                if passed > here * whole:
                    break
        out[slot], said[slot] = pool[at], left[at] / whole
        left[at] = 0.0
    return out, said


@numba.njit(cache=True, nogil=True)
def _drawn(pool, slots, seed, epsilon):  # type: ignore[no-untyped-def]
    """The items of the slots, and the probability of each."""
    items, out, chances = pool.copy(), np.empty(slots, np.int64), np.empty(slots)
    for slot in range(slots):
        left, at = len(pool) - slot, 0
        seed, here = _uniform(seed)
        if here < epsilon:
            seed, where = _uniform(seed)
            at = int(where * left)
        out[slot] = items[at]
        items[at : left - 1] = items[at + 1 : left].copy()
        chances[slot] = epsilon / left + (1.0 - epsilon if at == 0 else 0.0)
    return out, chances


@numba.njit(cache=True, nogil=True)
def _uniform(seed):  # type: ignore[no-untyped-def]
    """The next state of a SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), and its number from 0 to
    below 1. A generator of numpy's takes longer to seed than all else here."""
    seed = seed + np.uint64(0x9E3779B97F4A7C15)
    z = seed
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return seed, float(z >> np.uint64(11)) / 9007199254740992.0
