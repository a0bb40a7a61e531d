"""Session neighbours: what people in sessions like this one touched.

VMIS-kNN (Kersbergen, Sprangers, Schelter: Serenade, SIGMOD 2022, section 3), read from
the postings as they stand: each item's newest m events name sessions, the k most similar
of which vote for their items. A late, or the very last, event counts without an
index to rebuild.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from afresh.features.engines.embedded import State
from afresh.features.sequences import alive
from afresh.retrieve import Candidates, Context, Workspace

DEPTH = 500
"""m: postings looked at for each item of the context."""
NEIGHBOURS = 200
"""k: sessions that vote."""


@numba.njit(cache=True, nogil=True)
def _scan(context, own, m, k, ts, item, session, oldest,  # type: ignore[no-untyped-def]
          p_keep, p_heads, p_pool, s_keep, s_heads, s_pool, n_sessions,
          scores, touched, similarity, matched):  # fmt: skip
    """Add votes into scores (zero on entry); returns how many items were touched.

    context int64[c], newest first; own: parties left out. similarity and matched are
    scratch by party and left as found.
    """
    c = len(context)
    found = np.empty(c * m, np.int64)
    newest = np.empty(c * m, np.int64)
    n = 0
    for i in range(c):
        weight = (c - i) / c
        a, b = alive(context[i], p_keep, oldest, ts, p_heads, p_pool)
        for p in range(b - 1, max(a, b - m) - 1, -1):
            row = p_pool[p]
            party = session[row]
            mine = False
            for q in range(len(own)):
                if own[q] == party:
                    mine = True
            # A session counts once an item, at its newest event there.
            if mine or matched[party] == i + 1:
                continue
            if similarity[party] == 0.0:
                found[n] = party
                newest[n] = ts[row]
                n += 1
            similarity[party] += weight
            matched[party] = i + 1
    votes = np.empty(n, np.float64)
    for j in range(n):
        votes[j] = -similarity[found[j]]
    # Most similar first; among equals the most recently active.
    order = np.argsort(-newest[:n], kind="mergesort")
    order = order[np.argsort(votes[order], kind="mergesort")]
    used = 0
    for j in order[:k]:
        party = found[j]
        weight = similarity[party]
        a, b = alive(party, s_keep, oldest, ts, s_heads, s_pool)
        for p in range(a, b):
            x = item[s_pool[p]]
            repeated = False
            for q in range(a, p):
                if item[s_pool[q]] == x:
                    repeated = True
                    break
            if repeated:
                continue
            if scores[x] == 0.0:
                touched[used] = x
                used += 1
            scores[x] += weight
    for j in range(n):
        similarity[found[j]] = 0.0
        matched[found[j]] = 0
    # Rarer items tell more: inverse document frequency over the postings kept.
    for j in range(used):
        x = touched[j]
        a, b = alive(x, p_keep, oldest, ts, p_heads, p_pool)
        scores[x] *= math.log(1.0 + n_sessions / max(b - a, 1))
    return used


def session_neighbours(
    state: State, context: Context, space: Workspace, *, depth: int = DEPTH, n: int = 500
) -> Candidates:
    """The n items with most votes from sessions that share items with the context."""
    if not len(context.items):
        return Candidates()
    space.fit(state)
    facts, p, s = state.facts, state.postings, state.sessions
    used = _scan(
        context.items, context.sessions, depth, NEIGHBOURS, facts.ts, facts.item, facts.session,
        state.newest - p.within, p.keep, p.blocks.heads, p.blocks.pool,
        s.keep, s.blocks.heads, s.blocks.pool, float(max(len(state.parties), 1)),
        space.scores, space.touched, space.similarity, space.matched,
    )  # fmt: skip
    return space.best(used, n)
