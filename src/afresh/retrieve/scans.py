"""All scans of the postings at once: one matrix of scores for the candidates of a request.

Ten scans see the same sessions at several depths. Together they choose the candidates, by
a fixed blend of shares of each scan's best, and every candidate has a score from each, so that a
ranker can weigh them. One kernel, because each scan alone is quicker than a call of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.retrieve import Context
from afresh.retrieve.index import index_of
from afresh.retrieve.nearby import FAR, Walk, walk
from afresh.retrieve.sessions import Neighbourhood, vote
from afresh.retrieve.two_hops import HOPS, strongest

DAY_MS = 86_400_000.0
DEEP = 100_000

NEIGHBOURHOODS = (
    Neighbourhood(500, 1500, 3, True, 0.7, 50 * DAY_MS),
    Neighbourhood(500, 1500, 20, True, 0.7, 50 * DAY_MS),
    Neighbourhood(100, 100, 6, False, 0.4, 10 * DAY_MS),
)
WALKS = (
    Walk(DEEP, FAR, 0.6, True, True, True),
    Walk(DEEP, 1, 0.0, True, True, True),
    Walk(DEEP, FAR, 1.0, False, False, True),
    Walk(20, 10, 0.6, True, True, True),
    Walk(500, 10, 0.6, True, True, True),
)
HOPPING = (Walk(60, 5, 0.8, True, True, True), Walk(60, 8, 1.0, True, True, True))
SPEAKING = np.array([[0, 3], [0, 1], [0, 1], [0, 5], [1, 2]])
"""For each walk, which of the context's items it starts from: [first, last)."""

SCANS = (
    "sessions", "sessions long", "sessions recent", "rules", "next item", "covisits",
    "rules recent", "rules second item", "two hops by rules", "two hops by sessions",
)  # fmt: skip
RULES, COVISITS = SCANS.index("rules"), SCANS.index("covisits")
FIXED = np.array([0.7, 0.7, 0.4, 0.0, 0.2, 0.0, 0.2, 0.1, 0.5, 0.3])
"""The fixed blend's weights."""


@dataclass(slots=True)
class Scanned:
    """Candidates, best first by the fixed blend.

    items: int64[n], distinct; scores: float64[n, scans], as the scans gave them; best:
    float64[scans], the greatest score of each scan over all items; blend: float64[n].
    """

    items: NDArray[np.int64]
    scores: NDArray[np.float64]
    best: NDArray[np.float64]
    blend: NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def _scan(index, neighbourhoods, walks, speaking, hopping, weights, n,  # type: ignore[no-untyped-def]
          context, own, n_sessions, similarity, seen, scores, touched, base):  # fmt: skip
    """Every scan into its row of scores float64[scans, items] (zero on entry and return)."""
    columns = len(weights)
    used = np.zeros(columns, np.int64)
    for s in range(len(neighbourhoods)):
        used[s] = vote(
            index, neighbourhoods[s], context, own, n_sessions, similarity, seen,
            scores[s], touched[s],
        )  # fmt: skip
    at = len(neighbourhoods)
    rules = at
    for s in range(len(walks)):
        items = context[speaking[s, 0] : speaking[s, 1]]
        used[at] = walk(
            index, walks[s], items, 1.0 / np.arange(1, len(items) + 1), own,
            scores[at], touched[at],
        )  # fmt: skip
        at += 1
    for s in range(len(hopping)):
        source = rules if s == 0 else 0
        values = scores[source][touched[source, : used[source]]]
        rows = strongest(values, HOPS)
        used[at] = walk(
            index, hopping[s], touched[source][rows], values[rows], own, scores[at], touched[at]
        )
        at += 1
    best = np.zeros(columns)
    union = np.empty(np.sum(used), np.int64)
    count = 0
    for s in range(columns):
        for j in range(used[s]):
            best[s] = max(best[s], scores[s, touched[s, j]])
        if weights[s] > 0.0 and best[s] > 0.0:
            for j in range(used[s]):
                x = touched[s, j]
                if base[x] == 0.0:
                    union[count] = x
                    count += 1
                base[x] += weights[s] * scores[s, x] / best[s]
    found = union[:count]
    blend = base[found]
    rows = strongest(blend, n)
    out = np.empty((len(rows), columns))
    for j in range(len(rows)):
        for s in range(columns):
            out[j, s] = scores[s, found[rows[j]]]
    for j in range(count):
        base[found[j]] = 0.0
    for s in range(columns):
        for j in range(used[s]):
            scores[s, touched[s, j]] = 0.0
    return found[rows], out, best, blend[rows]


class Scans:
    """The scans with their scratch arrays; one thread at a time.

    weights: float64[scans], the fixed blend by which candidates are chosen, above zero for
    at least one scan.
    """

    def __init__(self, weights: NDArray[np.float64] = FIXED) -> None:
        self.weights = weights
        self._items = self._parties = 0

    def _fit(self, state: State) -> None:
        if len(state.items) > self._items:
            self._items = 2 * len(state.items)
            self._scores = np.zeros((len(SCANS), self._items))
            self._touched = np.empty((len(SCANS), self._items), np.int64)
            self._base = np.zeros(self._items)
        if len(state.parties) > self._parties:
            self._parties = 2 * len(state.parties)
            self._similarity = np.zeros(self._parties)
            self._seen = np.zeros(self._parties, np.int64)

    def __call__(self, state: State, context: Context, n: int = 100) -> Scanned:
        """The n best candidates with their scores from every scan."""
        self._fit(state)
        return Scanned(
            *_scan(
                index_of(state, context.now), NEIGHBOURHOODS, WALKS, SPEAKING, HOPPING,
                self.weights, n, context.items, context.sessions,
                float(max(len(state.parties), 1)), self._similarity, self._seen,
                self._scores, self._touched, self._base,
            )
        )  # fmt: skip
