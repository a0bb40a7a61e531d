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
    an item as often as it was touched; person: the user's number, or else the session's, -1 for
    somebody never seen.
    """

    items: NDArray[np.int64]
    sessions: NDArray[np.int64]
    now: int
    visit: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    person: int = -1


class Workspace:
    """Scratch of the scans, which they leave as they found it; one thread at a time.

    An item that a scan meets takes the next row of `scores`, float64[columns, rows] of zeros;
    `row` int32[items] says which (-1: none) and `met` int64[rows] which item took it. So what
    a scan writes, a column, lies close together, however many items there are. similarity float64
    and matched int64, by party, are zero.
    """

    def __init__(self, columns: int = 1) -> None:
        self.columns = columns
        self.row, self.met = np.empty(0, np.int32), np.empty(0, np.int64)
        self.scores = np.zeros((columns, 0))
        self.similarity, self.matched = np.empty(0), np.empty(0, np.int64)

    def fit(self, state: State) -> None:
        """Make room for the items and parties of a state."""
        if len(state.items) > len(self.row):
            items = 2 * len(state.items)
            self.row = np.full(items, -1, np.int32)
            self.met = np.empty(items, np.int64)
            self.scores = np.zeros((self.columns, items))
        if len(state.parties) > len(self.similarity):
            parties = 2 * len(state.parties)
            self.similarity = np.zeros(parties)
            self.matched = np.zeros(parties, np.int64)

    def best(self, used: int, n: int) -> Candidates:
        """The n best of the first column's `used` rows, which are given back."""
        items = self.met[:used].copy()
        scores = self.scores[0, :used].copy()
        self.row[items] = -1
        self.scores[0, :used] = 0.0
        return best(items, scores, n)


def rows_of(
    items: NDArray[np.int64], wanted: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where items stand in a list of distinct ones: rows int64[k], any where found bool[k] is
    False."""
    if not len(items):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
    order = np.argsort(items, kind="stable")
    rows = order[np.minimum(np.searchsorted(items, wanted, sorter=order), len(items) - 1)]
    return rows, items[rows] == wanted


def best(items: NDArray[np.int64], scores: NDArray[np.float64], n: int) -> Candidates:
    """The n highest scores, ties to the lower number."""
    if len(items) > n:
        edge = np.partition(scores, len(scores) - n)[len(scores) - n]
        above, level = np.flatnonzero(scores > edge), np.flatnonzero(scores == edge)
        room = n - len(above)
        if len(level) > room:
            level = level[np.argpartition(items[level], room - 1)[:room]]
        rows = np.concatenate([above, level])
        items, scores = items[rows], scores[rows]
    order = np.lexsort((items, -scores))
    return Candidates(items[order], scores[order])
