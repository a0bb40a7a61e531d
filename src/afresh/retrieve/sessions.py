"""Session neighbours: what people in sessions like this one touched.

VMIS-kNN (Kersbergen, Sprangers, Schelter: Serenade, SIGMOD 2022, section 3), read from
the postings as they stand: each item's newest m events name sessions, the most recent m
sessions of these are compared, and the k most similar vote for their items. A late, or the
very last, event counts without an index to rebuild. As in V-SkNN (Ludewig, Jannach, UMUAI
2018) a vote counts less when the common item lies further back in the context; two options
go beyond: older sessions count less, and so do items that stood before the match.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from afresh.features.engines.embedded import State
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.index import (
    VISITS,
    counts_of,
    index_of,
    is_own,
    place_of,
    postings_of,
    sessions_of,
)
from afresh.retrieve.tally import tally

AT_ONCE_MS = 1000
"""A session with more events than one in so many ms was written, not clicked."""


class Neighbourhood(NamedTuple):
    """How far to look.

    depth: m, postings of each item and sessions in all; neighbours: k, sessions that vote;
    items: how many of the context's items speak; rarity: weigh by inverse document
    frequency; earlier: the weight of what stood before the match; recency: ms in which a
    session's vote falls to 1/e, 0 for never; reach: how far from the match, in a voting session,
    an item may stand; visits: the most items voted for, the strongest voters first; nearest:
    where these do not suffice for all voters, as sessions are long, each votes only near the match,
    so many items before and after at the least; 0: for all within reach. A session written at
    once, such as the lines of a basket, has no near and far.
    """

    depth: int = 500
    neighbours: int = 500
    items: int = 10
    rarity: bool = True
    earlier: float = 1.0
    recency: float = 0.0
    reach: int = 1_000_000
    visits: int = VISITS
    nearest: int = 5


@numba.njit(cache=True, nogil=True)
def vote(index, wanted, context, own,  # type: ignore[no-untyped-def]
         similarity, seen, row, met, scores, used):  # fmt: skip
    """Add votes, rarity left to the caller, into scores float32[rows] (zero on entry); returns
    how many rows are used.

    context int64[c], newest first; own: parties left out; used: rows taken before. The other
    arrays are those of a Workspace.
    """
    c, m = min(len(context), wanted.items), wanted.depth
    begin, end = postings_of(index, context[:c])
    begin = np.maximum(begin, end - m)
    most = np.sum(end - begin)
    found, match = np.empty(most, np.int64), np.empty(most, np.int64)
    latest, parties = np.empty(most), np.empty(most, np.uint32)
    ts, item, session = index.ts, index.item, index.session
    postings, pool = index.postings_pool, index.sessions_pool
    n = 0
    for i in range(c):
        weight, size = (c - i) / c, end[i] - begin[i]
        for p in range(size):
            parties[p] = session[np.uint32(postings[np.uint64(end[i] - 1 - p)])]
        for p in range(size):
            party = parties[p]
            # A session counts once an item, at its newest event there.
            if seen[party] == i + 1 or is_own(own, party):
                continue
            if seen[party] == 0:
                found[n], match[n], latest[n] = party, postings[end[i] - 1 - p], weight
                n += 1
            similarity[party] += weight
            seen[party] = i + 1
    newest = ts[match[:n]]
    voters = most_similar(found[:n], newest, similarity, m, wanted.neighbours)
    first, last = sessions_of(index, found[voters])
    votes = np.empty(len(voters))
    for v in range(len(voters)):
        j = voters[v]
        votes[v] = similarity[found[j]] * latest[j]
        if wanted.recency > 0:
            votes[v] *= math.exp((newest[j] - index.now) / wanted.recency)
    reaches = np.full(len(voters), wanted.reach)
    lengths = np.minimum(last - first, 2 * reaches + 1)
    if wanted.nearest > 0 and np.sum(lengths) > wanted.visits:
        near = min(max((wanted.visits // len(voters) - 1) // 2, wanted.nearest), wanted.reach)
        for v in range(len(voters)):
            a, b = first[v], last[v]
            if b > a and ts[pool[b - 1]] - ts[pool[a]] >= AT_ONCE_MS * (b - a):
                reaches[v], lengths[v] = near, min(lengths[v], 2 * near + 1)
    listened = heard(votes, lengths, wanted.visits)
    size, room = 0, np.sum(lengths[listened])
    items, values = np.empty(room, np.uint32), np.empty(room, np.float32)
    for v in listened:
        j, a, b, reach = voters[v], first[v], last[v], reaches[v]
        weight, less = np.float32(votes[v]), np.float32(votes[v] * wanted.earlier)
        at = a
        if wanted.earlier != 1.0 or b - a > reach:
            at = place_of(match[j], a, b, pool)
        if b - a > reach:
            if at < 0:
                continue
            a, b = max(a, at - reach), min(b, at + reach + 1)
        for p in range(a, b):
            items[np.uint64(size)] = item[np.uint32(pool[np.uint64(p)])]
            values[np.uint64(size)] = weight if p >= at else less
            size += 1
    used = tally(items[:size], values[:size], row, met, scores, used)
    for j in range(n):
        similarity[found[j]] = 0.0
        seen[found[j]] = 0
    return used


@numba.njit(cache=True, nogil=True)
def heard(votes, costs, visits):  # type: ignore[no-untyped-def]
    """Whose votes count, as rows: everybody's, in the order given, as long as they cost no more
    than `visits`; else the strongest, of equals the first, and one at least."""
    rows = np.arange(len(votes))
    if np.sum(costs) <= visits:
        return rows
    rows = np.argsort(-votes, kind="mergesort")
    spent, at = costs[rows[0]], 1
    while at < len(rows) and spent + costs[rows[at]] <= visits:
        spent += costs[rows[at]]
        at += 1
    return rows[:at]


@numba.njit(cache=True, nogil=True)
def rarity(index, items, n_sessions):  # type: ignore[no-untyped-def]
    """The inverse document frequency of items int64[n]: float32[n]."""
    counts, out = counts_of(index, items), np.empty(len(items), np.float32)
    known = np.zeros(index.postings_keep + 1)  # thousands of items share some hundred counts
    for r in range(len(items)):
        count = np.uint64(max(counts[r], 1))
        if known[count] == 0.0:
            known[count] = math.log(1.0 + n_sessions / count)
        out[r] = known[count]
    return out


@numba.njit(cache=True, nogil=True)
def most_similar(found, newest, similarity, m, k):  # type: ignore[no-untyped-def]
    """Of the m most recently active sessions the k most similar, as rows of `found`."""
    n = len(found)
    rows = np.arange(n)
    if n > m:
        edge = np.partition(newest, n - m)[n - m]
        spare = m - np.sum(newest > edge)
        kept = 0
        for j in range(n):
            if newest[j] == edge:
                spare -= 1
            if newest[j] > edge or (newest[j] == edge and spare >= 0):
                rows[kept] = j
                kept += 1
        rows = rows[:kept]
    if len(rows) > k:
        # Among equals the most recently active.
        rows = rows[np.argsort(-newest[rows], kind="mergesort")]
        rows = rows[np.argsort(-similarity[found[rows]], kind="mergesort")][:k]
    return rows


def state_sessions(state: State) -> float:
    """How many sessions there are, as rarity counts them."""
    return float(max(len(state.parties), 1))


def session_neighbours(
    state: State,
    context: Context,
    space: Workspace,
    *,
    wanted: Neighbourhood | None = None,
    depth: int | None = None,
    n: int = 500,
) -> Candidates:
    """The n items with most votes from sessions that share items with the context.

    depth, where given, takes the place of that of `wanted`.
    """
    if not len(context.items):
        return Candidates()
    wanted = wanted or Neighbourhood()
    wanted = wanted if depth is None else wanted._replace(depth=depth)
    space.fit(state)
    index = index_of(state, context.now)
    used = vote(
        index, wanted, context.items, context.sessions, space.similarity, space.matched,
        space.row, space.met, space.scores[0], 0,
    )  # fmt: skip
    if wanted.rarity:
        space.scores[0, :used] *= rarity(index, space.met[:used], state_sessions(state))
    return space.best(used, n)
