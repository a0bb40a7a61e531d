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
def lists_of(keys, keep, oldest, now, ts, heads, pool):  # type: ignore[no-untyped-def]
    """The slices [first[k], last[k]) of the pool that hold the facts of keys[k], oldest first.

    In steps over all of them, so that the processor fetches many lists at the same time.
    """
    first, last = np.empty(len(keys), np.int64), np.empty(len(keys), np.int64)
    for k in range(len(keys)):
        first[k] = heads[keys[k], 0]
        last[k] = first[k] + heads[keys[k], 1]
    for k in range(len(keys)):
        whole = 0 < last[k] - first[k] <= keep
        if whole:
            whole = ts[pool[first[k]]] > oldest and ts[pool[last[k] - 1]] < now
        if not whole:
            first[k], last[k] = alive(keys[k], keep, oldest, ts, heads, pool)
            last[k] = before(first[k], last[k], now, ts, pool)
    return first, last


@numba.njit(cache=True, nogil=True)
def postings_of(index, items):  # type: ignore[no-untyped-def]
    """The slices of postings_pool that hold the postings of items int64[n]: first, last."""
    return lists_of(
        items, index.postings_keep, index.oldest, index.now, index.ts,
        index.postings_heads, index.postings_pool,
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def sessions_of(index, parties):  # type: ignore[no-untyped-def]
    """The slices of sessions_pool that hold the sessions of parties int[n]: first, last."""
    return lists_of(
        parties, index.sessions_keep, index.oldest, index.now, index.ts,
        index.sessions_heads, index.sessions_pool,
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def place_of(row, first, last, pool):  # type: ignore[no-untyped-def]
    """Where in pool[first:last] a session has a fact; -1: it has let go of it.

    Positions are not stored, because a late event shifts them. Row numbers lie side by side,
    so that looking at each is quicker than searching by their times.
    """
    for at in range(first, last):
        if pool[at] == row:
            return at
    return -1


@numba.njit(cache=True, nogil=True)
def is_own(own, party):  # type: ignore[no-untyped-def]
    """Whether a party is one of those left out."""
    found = False
    for p in own:
        found |= p == party
    return found
