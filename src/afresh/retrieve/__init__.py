"""Candidates: each source is a file, and a scan of what the fold keeps.

A source gives items by number with a score above zero, best first; scores of two sources
are not comparable until they are blended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.retrieve.given import Given
from afresh.retrieve.top import top


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
    somebody never seen; facts: int64[f], the rows of what this session and this person did;
    unlisted: int64[u], those of them that no list has, as the state is behind;
    said: what the request says besides; segments: which part of a split trend was found, in words,
    by the label of its source; given: the list that the caller named, if one.
    """

    items: NDArray[np.int64]
    sessions: NDArray[np.int64]
    now: int
    visit: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    person: int = -1
    facts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    unlisted: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    said: Mapping[str, str | float] = field(default_factory=dict)
    segments: dict[str, str] = field(default_factory=dict)
    given: Given | None = None


class Workspace:
    """Scratch of the scans, which they leave as they found it; one thread at a time.

    An item that a scan meets takes the next row of `scores`, float32[columns, rows] of zeros;
    `row` int32[items] says which (-1: none) and `met` int64[rows] which item took it. So what
    a scan writes, a column, lies close together, however many items there are; there is always room
    for one row more. similarity float64
    and matched int64, by party, are zero.
    """

    def __init__(self, columns: int = 1) -> None:
        self.columns = columns
        self.row, self.met = np.empty(0, np.int32), np.empty(0, np.int64)
        self.scores = np.zeros((columns, 0), np.float32)
        self.similarity, self.matched = np.empty(0), np.empty(0, np.int64)

    def fit(self, state: State) -> None:
        """Make room for the items and parties of a state."""
        if len(state.items) >= len(self.row):
            items = 2 * len(state.items) + 1
            self.row = np.full(items, -1, np.int32)
            self.met = np.empty(items, np.int64)
            self.scores = np.zeros((self.columns, items), np.float32)
        if len(state.parties) > len(self.similarity):
            parties = 2 * len(state.parties)
            self.similarity = np.zeros(parties)
            self.matched = np.zeros(parties, np.int64)

    def rows(self, items: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where each of `wanted` stands in a list of distinct items, -1 where it does not:
        int64[len(wanted)]. The space must fit the state."""
        return np.asarray(_rows(items, wanted, self.row))

    def best(self, used: int, n: int) -> Candidates:
        """The n best of the first column's `used` rows, which are given back."""
        met, column = self.met[:used], self.scores[0, :used]
        found = np.flatnonzero(column)
        items, scores = met[found], column[found].astype(np.float64)
        self.row[met] = -1
        column[:] = 0.0
        return best(items, scores, n)


@numba.njit(cache=True, nogil=True)
def _rows(items, wanted, row):  # type: ignore[no-untyped-def]
    """Workspace.rows; row int32[items] as it stands there."""
    out = np.full(len(wanted), -1, np.int64)
    for j in range(len(items)):
        if items[j] >= 0:
            row[items[j]] = j
    for j in range(len(wanted)):
        if wanted[j] >= 0:
            out[j] = row[wanted[j]]
    for j in range(len(items)):
        if items[j] >= 0:
            row[items[j]] = -1
    return out


@numba.njit(cache=True, nogil=True)
def without(items, scores, gone, n):  # type: ignore[no-untyped-def]
    """The first n of items int64[m] that are none of a few others, int64[k], and their scores."""
    rows, used = np.empty(len(items), np.int64), 0
    for j in range(len(items)):
        kept = used < n
        for x in gone:
            kept &= items[j] != x
        rows[used] = j
        used += kept
        if used == n:
            break
    return items[rows[:used]], scores[rows[:used]]


def best(items: NDArray[np.int64], scores: NDArray[np.float64], n: int) -> Candidates:
    """The n highest scores, ties to the lower number."""
    rows = top(scores, items, n)
    return Candidates(items[rows], scores[rows])
