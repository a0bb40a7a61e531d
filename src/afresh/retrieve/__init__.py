"""Candidates: each source is a file, and a scan of what the fold keeps.

A source gives items by number with a score above zero, best first; scores of two sources
are not comparable until they are blended.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State


@dataclass(slots=True)
class Candidates:
    """items: int64[n], distinct; scores: float64[n], above zero."""

    items: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    scores: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


@dataclass(slots=True)
class Context:
    """Who asks: a party's latest distinct items, newest first, and when.

    items: int64[k]; sessions: the parties whose own sessions tell nothing new; now: UTC ms,
    facts from then on do not count; visit: int64[v], the items of this session, newest first,
    an item as often as it was touched.
    """

    items: NDArray[np.int64]
    sessions: NDArray[np.int64]
    now: int
    visit: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


class Workspace:
    """Scratch arrays of the scans, cleared by the scans themselves; one thread at a time."""

    def __init__(self) -> None:
        self.reserve(64, 64)

    def reserve(self, items: int, parties: int) -> None:
        if items > len(getattr(self, "scores", ())):
            self.scores = np.zeros(2 * items)
            self.touched = np.empty(2 * items, np.int64)
        if parties > len(getattr(self, "similarity", ())):
            self.similarity = np.zeros(2 * parties)
            self.matched = np.zeros(2 * parties, np.int64)

    def fit(self, state: State) -> None:
        self.reserve(len(state.items), len(state.parties))

    def best(self, used: int, n: int) -> Candidates:
        """The n best of the `used` items that a scan touched; their scores are cleared."""
        items = self.touched[:used].copy()
        scores = self.scores[items].copy()
        self.scores[items] = 0.0
        return best(items, scores, n)


def best(items: NDArray[np.int64], scores: NDArray[np.float64], n: int) -> Candidates:
    """The n highest scores, ties to the lower number."""
    if len(items) > n:
        top = np.argpartition(-scores, n - 1)[:n]
        items, scores = items[top], scores[top]
    order = np.lexsort((items, -scores))
    return Candidates(items[order], scores[order])
