"""The context of a request: what somebody did lately, as of a moment."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.features.people import latest, parties_of
from afresh.retrieve import Context

ITEMS = 10
"""How many of the visitor's latest distinct items a request looks at."""


NO_ROWS = np.empty(0, np.int64)


def context_of(
    state: State,
    user_id: str | None,
    session_id: str | None,
    now: int,
    unlisted: tuple[NDArray[np.int64], NDArray[np.int64]] = (NO_ROWS, NO_ROWS),
) -> Context:
    """The visitor's latest distinct items: of this session, then of this person, with the
    sessions linked to them; only what happened before `now`, UTC ms.

    unlisted: rows of facts of the person and of the session that are in no list yet, int64[p] and
    int64[s], oldest first, where the request knows more than the state.
    """
    session = int(state.find("session_id", [session_id])[0]) if session_id else -1
    user = int(state.find("user_id", [user_id])[0]) if user_id else session
    people = parties_of(state, user, now)
    visit = state.sessions.rows(state.facts, session, state.newest)
    past = latest(state, state.sequences[state.plan.history], people)
    past, visit = np.concatenate([past, unlisted[0]]), np.concatenate([visit, unlisted[1]])
    facts, here, items = _context(
        np.concatenate([past, visit]), len(past), state.facts.ts, state.facts.item, now, ITEMS
    )
    if not user_id:  # what a session did without a user is in both lists
        facts = facts[: len(here)]
    own = dict.fromkeys(p for p in (session, *people.tolist()) if p >= 0)
    return Context(items, np.array(list(own), np.int64), now, here, user, facts)


@numba.njit(cache=True, nogil=True)
def _context(rows, past, ts, item, now, most):  # type: ignore[no-untyped-def]
    """rows int64[n]: `past` facts of a person, then those of a session, oldest first. Returned,
    newest first and the session's first: those before `now`, the items of the session's, and the
    `most` first distinct items."""
    facts, items = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    distinct = np.empty(most, np.int64)
    used = here = found = 0
    for at in range(len(rows) - 1, -1, -1):
        if ts[rows[at]] >= now:
            continue
        x = item[rows[at]]
        facts[used], items[used] = rows[at], x
        used += 1
        if at >= past:
            here = used
        new = found < most
        for f in range(found):
            new &= distinct[f] != x
        if new:
            distinct[found] = x
            found += 1
    return facts[:used], items[:here], distinct[:found]
