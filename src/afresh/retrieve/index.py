"""The sessions and the postings as one argument of a kernel, as of a moment.

A scan asks two things: which facts name an item (its postings), and what stands around a
fact in its session. Both lists are in total order, so "as of" is where a list is cut off.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.features.sequences import alive


class Index(NamedTuple):
    """Facts by row, and the lists of rows by item and by party.

    A fact counts when oldest < ts < now (UTC ms).
    """

    ts: NDArray[np.int64]
    item: NDArray[np.int32]
    session: NDArray[np.int32]
    oldest: int
    now: int
    postings_keep: int
    postings_heads: NDArray[np.generic]
    postings_pool: NDArray[np.generic]
    sessions_keep: int
    sessions_heads: NDArray[np.generic]
    sessions_pool: NDArray[np.generic]


def index_of(state: State, now: int) -> Index:
    """The state's index as of `now`; arrays are shared, so it is good until the next fold."""
    facts, p, s = state.facts, state.postings, state.sessions
    return Index(
        facts.ts, facts.item, facts.session, state.newest - p.within, now,
        p.keep, p.blocks.heads, p.blocks.pool, s.keep, s.blocks.heads, s.blocks.pool,
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def before(first, last, moment, ts, pool):  # type: ignore[no-untyped-def]
    """Where in pool[first:last] the facts with ts >= moment begin."""
    if first == last or ts[pool[last - 1]] < moment:
        return last
    while first < last:
        middle = (first + last) // 2
        if ts[pool[middle]] < moment:
            first = middle + 1
        else:
            last = middle
    return first


@numba.njit(cache=True, nogil=True)
def postings_of(index, item):  # type: ignore[no-untyped-def]
    """The slice of postings_pool that holds an item's postings, oldest first."""
    a, b = alive(
        item, index.postings_keep, index.oldest, index.ts,
        index.postings_heads, index.postings_pool,
    )  # fmt: skip
    return a, before(a, b, index.now, index.ts, index.postings_pool)


@numba.njit(cache=True, nogil=True)
def session_of(index, party):  # type: ignore[no-untyped-def]
    """The slice of sessions_pool that holds a party's session, oldest first."""
    a, b = alive(
        party, index.sessions_keep, index.oldest, index.ts,
        index.sessions_heads, index.sessions_pool,
    )  # fmt: skip
    return a, before(a, b, index.now, index.ts, index.sessions_pool)


@numba.njit(cache=True, nogil=True)
def place_of(index, row, first, last):  # type: ignore[no-untyped-def]
    """Where a fact stands in its session's slice; -1: the session has let go of it.

    Positions are not stored, because a late event shifts them: it is found by its time.
    """
    at = before(first, last, index.ts[row], index.ts, index.sessions_pool)
    while at < last and index.sessions_pool[at] != row:
        at += 1
    return at if at < last else -1


@numba.njit(cache=True, nogil=True)
def is_own(own, party):  # type: ignore[no-untyped-def]
    """Whether a party is one of those left out."""
    found = False
    for p in own:
        found |= p == party
    return found
