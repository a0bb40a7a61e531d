"""Passages: how many visits had one item and went on to another, and since when.

Counted for the items that are shown, when they are: what a reason says is what the postings
hold. A visit counts for a window of time when its latest step from the one item to the other
began in it. The newest postings are walked within a bound; where something beyond it, or let go
of, may have counted too, the number is a least one, and said to be.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.retrieve import Context, Workspace
from afresh.retrieve.index import (
    VISITS,
    index_of,
    is_own,
    newest_within,
    place_of,
    postings_of,
)

DEPTH = 200
"""Postings of each item that are walked, newest first."""


@numba.njit(cache=True, nogil=True)
def _passages(index, items, shown, own, windows, depth, visits, row, seen):  # type: ignore[no-untyped-def]
    """Counts int64[items, shown, windows], and whether each is all there is, bool[items, windows].

    items int64[c] and shown int64[n], distinct each; own: parties left out; windows int64[w], ms
    before now; row int32[items] of -1 and seen int64[parties] of zeros, as found on return.
    """
    counts = np.zeros((len(items), len(shown), len(windows)), np.int64)
    whole = np.ones((len(items), len(windows)), np.bool_)
    item, ts, pool = index.item, index.ts, index.sessions_pool
    since, met = np.full(len(shown), -1, np.int64), np.empty(len(shown), np.int64)
    for r in range(len(shown)):
        row[shown[r]] = r
    begin, end = postings_of(index, items)
    for i in range(len(items)):
        rows = index.postings_pool[max(begin[i], end[i] - depth) : end[i]]
        if len(rows) == 0:
            continue
        looked, _, parties, first, last = newest_within(
            index, rows, index.sessions_keep, visits // len(items)
        )
        if looked < end[i] - begin[i] or end[i] - begin[i] >= index.postings_keep:
            for w in range(len(windows)):
                whole[i, w] = ts[rows[len(rows) - looked]] < index.now - windows[w]
        for p in range(len(rows) - 1, len(rows) - 1 - looked, -1):
            party = parties[p]
            if is_own(own, party):
                continue
            full = last[p] - first[p] >= index.sessions_keep
            if full and place_of(rows[p], first[p], last[p], pool) < 0:
                whole[i] &= index.now - windows > ts[rows[p]]
            if seen[party] == i + 1:
                continue
            seen[party] = i + 1
            reached, used = -1, 0
            for at in range(first[p], last[p]):
                fact = np.uint32(pool[np.uint64(at)])
                x = np.uint32(item[fact])
                if x == items[i]:
                    reached = ts[fact]
                elif reached >= 0 and row[x] >= 0:
                    if since[row[x]] < 0:
                        met[used] = row[x]
                        used += 1
                    since[row[x]] = reached
            for m in range(used):
                for w in range(len(windows)):
                    counts[i, met[m], w] += since[met[m]] >= index.now - windows[w]
                since[met[m]] = -1
    for i in range(len(items)):
        for p in range(max(begin[i], end[i] - depth), end[i]):
            seen[index.session[index.postings_pool[p]]] = 0
    for r in range(len(shown)):
        row[shown[r]] = -1
    return counts, whole


def passages(
    state: State,
    context: Context,
    shown: NDArray[np.int64],
    windows: NDArray[np.int64],
    space: Workspace,
    *,
    items: int,
    depth: int = DEPTH,
    visits: int = VISITS,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """From the first `items` of a context to items int64[n], distinct: how many visits, not the
    visitor's own, int64[items, n, windows], and whether none can be missing, bool[items, windows].

    windows: int64[w], ms before now. visits: the most items looked at, shared among `items`; one
    visit at least.
    """
    space.fit(state)
    counts, whole = _passages(
        index_of(state, context.now), context.items[:items], shown, context.sessions, windows,
        depth, visits, space.row, space.matched,
    )  # fmt: skip
    return counts, whole
