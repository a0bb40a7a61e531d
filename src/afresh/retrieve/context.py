"""The context of a request: what somebody did lately, as of a moment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.features.people import latest, parties_of
from afresh.retrieve import Context

ITEMS = 10
"""How many of the visitor's latest distinct items a request looks at."""


def context_of(state: State, user_id: str | None, session_id: str | None, now: int) -> Context:
    """The visitor's latest distinct items: of this session, then of this person, with the
    sessions linked to them; only what happened before `now`, UTC ms."""
    session = int(state.find("session_id", [session_id])[0]) if session_id else -1
    user = int(state.find("user_id", [user_id])[0]) if user_id else session
    people = parties_of(state, user, now)
    history = state.sequences[state.plan.history]
    facts = state.facts
    rows = state.sessions.rows(facts, session, state.newest).astype(np.int64)
    visit = _before(state, rows, now)
    past = _before(state, latest(state, history, people), now)
    items = np.concatenate([visit, past])
    _, first = np.unique(items, return_index=True)
    own = dict.fromkeys(p for p in (session, *people.tolist()) if p >= 0)
    return Context(items[np.sort(first)][:ITEMS], np.array(list(own), np.int64), now, visit, user)


def _before(state: State, rows: NDArray[np.int64], now: int) -> NDArray[np.int64]:
    """The items of facts before `now`, newest first."""
    rows = rows[state.facts.ts[rows] < now][::-1]
    return state.facts.item[rows].astype(np.int64)
