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
from afresh.retrieve import Context, Workspace
from afresh.retrieve.index import VISITS, index_of
from afresh.retrieve.nearby import Walk, walk
from afresh.retrieve.sessions import Neighbourhood, rarity, state_sessions, vote
from afresh.retrieve.top import top
from afresh.retrieve.two_hops import HOPS

DAY_MS = 86_400_000.0
DEEP = 1000
NEAR = 15
"""How far from a match an item may stand. Most visits are shorter; a grocer's baskets are not,
and what stands further off says little and costs most."""

NEIGHBOURHOODS = (
    Neighbourhood(500, 1500, 3, True, 0.7, 50 * DAY_MS, NEAR, nearest=0),
    Neighbourhood(300, 1500, 20, True, 0.7, 50 * DAY_MS, NEAR, nearest=0),
    Neighbourhood(100, 100, 6, False, 0.4, 10 * DAY_MS, NEAR, nearest=0),
)
WALKS = (
    Walk(DEEP, NEAR, itself=True),
    Walk(DEEP, 1, backward=0.0, itself=True),
    Walk(DEEP, NEAR, backward=1.0, by_distance=False, normalised=0.0, itself=True),
    Walk(20, 10, itself=True),
    Walk(500, 10, itself=True),
)
HOPPING = (
    Walk(60, 5, backward=0.8, itself=True, visits=VISITS * 3 // 2),
    Walk(60, 8, backward=1.0, itself=True, visits=VISITS * 3 // 2),
)
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
def greatest(column):  # type: ignore[no-untyped-def]
    """The greatest of float32[n], none below zero; 0 of none. Four at a time, as each comparison
    waits for the one before."""
    a = b = c = d = np.float32(0)
    whole = len(column) // 4 * 4
    for r in range(0, whole, 4):
        a, b = max(a, column[r]), max(b, column[r + 1])
        c, d = max(c, column[r + 2]), max(d, column[r + 3])
    for r in range(whole, len(column)):
        a = max(a, column[r])
    return max(max(a, b), max(c, d))


@numba.njit(cache=True, nogil=True)
def add(total, column, share):  # type: ignore[no-untyped-def]
    """total float32[n] += column float32[n] · share."""
    for r in range(len(total)):
        total[r] += column[r] * share


@numba.njit(cache=True, nogil=True)
def _scan(index, weights, n,  # type: ignore[no-untyped-def]
          context, own, n_sessions, similarity, seen, row, met, scores):  # fmt: skip
    """Every scan into its column of scores float32[scans, rows], as found on return."""
    used = 0
    at = 0
    ends = np.zeros(len(scores), np.int64)  # a scan's column is zero from there on
    for s in range(len(NEIGHBOURHOODS)):
        used = vote(
            index, NEIGHBOURHOODS[s], context, own, similarity, seen, row, met, scores[at], used
        )
        ends[at] = used
        at += 1
    rare = rarity(index, met[:used], n_sessions)
    for s in range(len(NEIGHBOURHOODS)):
        if NEIGHBOURHOODS[s].rarity:
            for r in range(ends[s]):
                scores[s, r] *= rare[r]
    for s in range(len(WALKS)):
        items = context[SPEAKING[s, 0] : SPEAKING[s, 1]]
        shares = 1.0 / np.arange(1, len(items) + 1)
        used = walk(index, WALKS[s], items, shares, own, row, met, scores[at], used)
        ends[at] = used
        at += 1
    for s in range(len(HOPPING)):
        by = len(NEIGHBOURHOODS) if s == 0 else 0
        source = scores[by, : ends[by]]
        reached = top(source, np.arange(len(source)), HOPS)
        reached = reached[source[reached] > 0.0]
        used = walk(
            index, HOPPING[s], met[reached], source[reached], own, row, met, scores[at], used
        )
        ends[at] = used
        at += 1
    best = np.zeros(at)
    blend = np.zeros(used, np.float32)
    for s in range(at):
        column = scores[s, : ends[s]]
        best[s] = greatest(column)
        if best[s] > 0.0 and weights[s] > 0.0:
            add(blend[: ends[s]], column, np.float32(weights[s] / best[s]))
    rows = top(blend, np.arange(used), n)
    rows = rows[blend[rows] > 0.0]
    items, given = met[rows], np.empty((len(rows), at))
    for s in range(at):
        given[:, s] = scores[s][rows]
        column = scores[s, : ends[s]]
        column[:] = 0.0
    for r in range(used):
        row[np.uint64(met[r])] = -1
    return items, given, best, blend[rows].astype(np.float64)


class Scans:
    """The scans with their scratch; one thread at a time.

    weights: float64[scans], the fixed blend by which candidates are chosen; an item that only
    scans of weight zero find is none.
    """

    def __init__(self, weights: NDArray[np.float64] = FIXED) -> None:
        self.weights = weights
        self.space = Workspace(len(SCANS))

    def __call__(self, state: State, context: Context, n: int = 100) -> Scanned:
        """The n best candidates with their scores from every scan."""
        space = self.space
        space.fit(state)
        return Scanned(
            *_scan(
                index_of(state, context.now), self.weights, n, context.items, context.sessions,
                state_sessions(state), space.similarity, space.matched,
                space.row, space.met, space.scores,
            )
        )  # fmt: skip
