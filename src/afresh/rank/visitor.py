"""What the visitor did with each candidate before, in whichever visit.

The terms of the softmax know this session; somebody who comes back goes on where they were, and
that is in the list of what the user did.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.retrieve import Context

VISITOR = (
    "times by this visitor", "minutes since this visitor's last with it",
    "events of this visitor since",
)  # fmt: skip
"""Of the visitor's latest events, as many as are kept of a user; the last two are NaN of an item
that is in none of them."""
MINUTE_MS = 60_000.0


def newest_first(state: State, context: Context) -> NDArray[np.int64]:
    """The rows of what the visitor did, in this session and before, each once: int64[f]."""
    return np.asarray(_newest_first(context.facts, state.facts.ts))


def with_each(
    state: State, context: Context, facts: NDArray[np.int64], items: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The columns VISITOR of items int64[n], by facts int64[f], newest first: float64[n, 3]."""
    return np.asarray(_with_each(facts, state.facts.ts, state.facts.item, items, context.now))


def idle_minutes(state: State, context: Context, facts: NDArray[np.int64]) -> float:
    """Minutes since the newest of facts int64[f]; NaN of none."""
    return (context.now - int(state.facts.ts[facts[0]])) / MINUTE_MS if len(facts) else np.nan


@numba.njit(cache=True, nogil=True)
def _newest_first(facts, ts):  # type: ignore[no-untyped-def]
    """What a session did is in the person's list too, where the session is theirs."""
    rows = np.unique(facts)
    return rows[np.argsort(ts[rows], kind="mergesort")][::-1].copy()


@numba.njit(cache=True, nogil=True)
def _with_each(facts, ts, item, items, now):  # type: ignore[no-untyped-def]
    out = np.full((len(items), 3), np.nan)
    for j in range(len(items)):
        times = 0
        for at in range(len(facts)):
            if item[facts[at]] == items[j]:
                if not times:
                    out[j, 1] = (now - ts[facts[at]]) / MINUTE_MS
                    out[j, 2] = at
                times += 1
        out[j, 0] = times
    return out
