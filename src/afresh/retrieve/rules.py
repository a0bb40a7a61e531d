"""Sequential rules: what comes soon after, or before, an item in the same session.

Ludewig, Jannach: Evaluation of session-based recommendation algorithms, UMUAI 2018
(section 3.1.3), with backward steps at a lower weight: an item at distance d from the
match counts 1/d, divided by the number of the item's postings looked at.
"""

from __future__ import annotations

import numba
import numpy as np

from afresh.features.engines.embedded import State
from afresh.features.sequences import alive
from afresh.retrieve import Candidates, Context, Workspace

DEPTH = 500
STEPS = 10
BACKWARD = 0.6
CONTEXT = 3
"""How many of the latest items speak."""


@numba.njit(cache=True, nogil=True)
def _scan(context, own, m, steps, backward, ts, item, session, oldest,  # type: ignore[no-untyped-def]
          p_keep, p_heads, p_pool, s_keep, s_heads, s_pool, scores, touched):  # fmt: skip
    used, c = 0, len(context)
    for i in range(c):
        a, b = alive(context[i], p_keep, oldest, ts, p_heads, p_pool)
        a = max(a, b - m)
        weight = (c - i) / c / max(b - a, 1)
        for p in range(b - 1, a - 1, -1):
            row = p_pool[p]
            party = session[row]
            mine = False
            for q in range(len(own)):
                if own[q] == party:
                    mine = True
            if mine:
                continue
            first, last = alive(party, s_keep, oldest, ts, s_heads, s_pool)
            # A late event may have moved the row: find it by its time.
            low, high = first, last
            while low < high:
                middle = (low + high) // 2
                if ts[s_pool[middle]] < ts[row]:
                    low = middle + 1
                else:
                    high = middle
            at = low
            while at < last and s_pool[at] != row:
                at += 1
            if at == last:
                continue
            for r in range(max(first, at - steps), min(last, at + steps + 1)):
                x = item[s_pool[r]]
                if r == at or x == context[i]:
                    continue
                v = weight / abs(r - at)
                if r < at:
                    v *= backward
                if scores[x] == 0.0:
                    touched[used] = x
                    used += 1
                scores[x] += v
    return used


def rules(
    state: State, context: Context, space: Workspace, *, depth: int = DEPTH, n: int = 500
) -> Candidates:
    """The n items that most often stand near the context's latest items."""
    if not len(context.items):
        return Candidates()
    space.fit(state)
    facts, p, s = state.facts, state.postings, state.sessions
    used = _scan(
        context.items[:CONTEXT], context.sessions, depth, STEPS, BACKWARD,
        facts.ts, facts.item, facts.session, state.newest - p.within,
        p.keep, p.blocks.heads, p.blocks.pool, s.keep, s.blocks.heads, s.blocks.pool,
        space.scores, space.touched,
    )  # fmt: skip
    return space.best(used, n)


def item_context(item: int, now: int) -> Context:
    """The context of a question about one item."""
    return Context(np.array([item], np.int64), np.empty(0, np.int64), now)
