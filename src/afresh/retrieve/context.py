"""The context of a request: what somebody did lately, as of a moment."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.features.people import latest, parties_of
from afresh.features.sequences import living
from afresh.retrieve import Context

ITEMS = 10
"""How many of the visitor's latest distinct items a request looks at."""


Unlisted = tuple[NDArray[np.int64], NDArray[np.int64]]


def context_of(
    state: State,
    user_id: str | None,
    session_id: str | None,
    now: int,
    unlisted: Unlisted | None = None,
) -> Context:
    """The visitor's latest distinct items: of this session, then of this person, with the
    sessions linked to them; only what happened before `now`, UTC ms.

    unlisted: rows of facts of the person and of the session that are in no list yet, int64[p] and
    int64[s], oldest first, where the request knows more than the state.
    """
    session = state.find_one("session_id", session_id) if session_id else -1
    user = state.find_one("user_id", user_id) if user_id else session
    people = parties_of(state, user, now)
    history, ts, item = state.sequences[state.plan.history], state.facts.ts, state.facts.item
    if len(people) == 1 and unlisted is None:
        facts, here, items = _alone(
            history.kept, user, state.sessions.kept, session, state.newest, ts, item, now, ITEMS
        )
    else:
        visit = state.sessions.rows(state.facts, session, state.newest)
        past = latest(state, history, people)
        if unlisted is not None:
            past = np.concatenate([past, unlisted[0]])
            visit = np.concatenate([visit, unlisted[1].astype(np.int32)])
        facts, here, items = _context(past, visit, ts, item, now, ITEMS)
    if not user_id:  # what a session did without a user is in both lists
        facts = facts[: len(here)]
    own = dict.fromkeys(p for p in (session, *people.tolist()) if p >= 0)
    late = np.concatenate(unlisted) if unlisted is not None else np.empty(0, np.int64)
    return Context(items, np.array(list(own), np.int64), now, here, user, facts, late)


@numba.njit(cache=True, nogil=True)
def _alone(history, user, sessions, session, newest, ts, item, now, most):  # type: ignore[no-untyped-def]
    """`_context` of a user, or a session, to whom nobody is linked."""
    past = living(history, user, newest, ts).astype(np.int64)
    return _context(past, living(sessions, session, newest, ts), ts, item, now, most)


@numba.njit(cache=True, nogil=True)
def _context(past, visit, ts, item, now, most):  # type: ignore[no-untyped-def]
    """past int64[p]: the facts of a person, visit int32[v]: those of a session, oldest first.
    Returned, newest first and the session's first: those before `now`, the items of the session's,
    and the `most` first distinct items."""
    rows = np.empty(len(past) + len(visit), np.int64)
    rows[: len(past)], rows[len(past) :] = past, visit
    facts, items = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    distinct = np.empty(most, np.int64)
    used = here = found = 0
    for at in range(len(rows) - 1, -1, -1):
        if ts[rows[at]] >= now:
            continue
        x = item[rows[at]]
        facts[used], items[used] = rows[at], x
        used += 1
        if at >= len(past):
            here = used
        new = found < most
        for f in range(found):
            new &= distinct[f] != x
        if new:
            distinct[found] = x
            found += 1
    return facts[:used], items[:here], distinct[:found]
