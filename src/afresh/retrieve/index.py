"""The sessions and the postings as one argument of a kernel, as of a moment.

A scan asks two things: which facts name an item (its postings), and what stands around a
fact in its session. Both lists are in total order, so "as of" is where a list is cut off.

The scans' inner loops index by unsigned numbers: of a signed one numba asks each time whether it
counts from the end, which is a quarter of a walk's time.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.retrieve.counted import counted_of

VISITS = 4096
"""Items that one scan looks at in people's sessions, so that its cost has a bound however long
those are. Visits to a shop's pages seldom come near it; fifty items in a basket do at once."""


class Index(NamedTuple):
    """Facts by row, and the lists of rows by item and by party.

    A fact counts when oldest < ts < now (UTC ms). live: all are before now;
    used: rows of facts; edge: about where those that count begin; safe: a row from which on all
    do; ends: those of `Counted`, good for what is live.
    """

    ts: NDArray[np.int64]
    item: NDArray[np.int32]
    session: NDArray[np.int32]
    oldest: int
    now: int
    live: bool
    used: int
    edge: int
    safe: int
    ends: NDArray[np.int64]
    postings_keep: int
    postings_heads: NDArray[np.generic]
    postings_pool: NDArray[np.generic]
    sessions_keep: int
    sessions_heads: NDArray[np.generic]
    sessions_pool: NDArray[np.generic]


@numba.njit(cache=True, nogil=True)
def row_at(moment, ts, used):  # type: ignore[no-untyped-def]
    """About which row the facts with ts >= moment begin at: facts come nearly in their order."""
    first, last = 0, used
    while first < last:
        middle = (first + last) // 2
        if ts[middle] < moment:
            first = middle + 1
        else:
            last = middle
    return first


def index_of(state: State, now: int) -> Index:
    """The state's index as of `now`; arrays are shared, so it is good until the next fold."""
    facts, p, s = state.facts, state.postings, state.sessions
    counted, oldest = counted_of(state), state.newest - p.within
    stands = now, state.events, state.sweeps, facts.used  # an evaluation appends without a fold
    if counted.index is not None and counted.index[0] == stands:
        found: Index = counted.index[1]
        return found
    made = Index(
        facts.ts, facts.item, facts.session, oldest, now, now > state.newest,
        facts.used, row_at(oldest + 1, facts.ts, facts.used), counted.safe(oldest), counted.ends,
        p.keep, p.blocks.heads, p.blocks.pool, s.keep, s.blocks.heads, s.blocks.pool,
    )  # fmt: skip
    counted.index = stands, made
    return made


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
def since(first, last, moment, edge, ts, pool):  # type: ignore[no-untyped-def]
    """As `before`, quicker where rows were given in the order of time: row numbers, which lie
    side by side, are searched for `edge`, and two times say whether that was right."""
    a, b = first, last
    while a < b:
        middle = (a + b) // 2
        if pool[middle] < edge:
            a = middle + 1
        else:
            b = middle
    if (a == last or ts[pool[a]] >= moment) and (a == first or ts[pool[a - 1]] < moment):
        return a
    return before(first, last, moment, ts, pool)


@numba.njit(cache=True, nogil=True)
def lists_of(keys, keep, oldest, edge, safe, now, live, ts, heads, pool):  # type: ignore[no-untyped-def]
    """The slices [first[k], last[k]) of the pool that hold the facts of keys[k], oldest first.

    In steps over all of them, so that the processor fetches many lists at the same time.
    """
    first, last = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    for k in range(len(keys)):
        if 0 <= keys[k] < len(heads):  # an item that was only put has no list yet
            key = np.uint64(keys[k])
            first[k] = heads[key, 0]
            last[k] = first[k] + heads[key, 1]
    for k in range(len(keys)):
        a, b = first[k], last[k]
        a = max(a, b - keep)
        row = pool[np.uint64(a)] if a < b else safe
        if row < safe and ts[np.uint64(row)] <= oldest:
            a = since(a, b, oldest + 1, edge, ts, pool)
        if not live:
            last[k] = before(a, b, now, ts, pool)
        first[k] = a
    return first, last


@numba.njit(cache=True, nogil=True)
def postings_of(index, items):  # type: ignore[no-untyped-def]
    """The slices of postings_pool that hold the postings of items int64[n]: first, last."""
    return lists_of(
        items, index.postings_keep, index.oldest, index.edge, index.safe, index.now,
        index.live, index.ts, index.postings_heads, index.postings_pool,
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def ends_of(index, items):  # type: ignore[no-untyped-def]
    """Of the postings of items int64[n]: how many, and the times of the first and the last, 0
    where there is none: int64[n, 3]."""
    out, missing = np.zeros((len(items), 3), np.int64), np.empty(len(items), np.int64)
    ends, wanted = index.ends, 0
    for j in range(len(items)):
        x = items[j]
        if (
            index.live
            and 0 <= x < len(ends)
            and (ends[x, 0] == 0 or (ends[x, 0] > 0 and ends[x, 1] > index.oldest))
        ):
            out[j, 0], out[j, 1], out[j, 2] = ends[x, 0], ends[x, 1], ends[x, 2]
        else:
            missing[wanted] = j
            wanted += 1
    missing = missing[:wanted]
    first, last = postings_of(index, items[missing])
    for m in range(wanted):
        j = missing[m]
        x, a, b = items[j], first[m], last[m]
        out[j, 0] = b - a
        if b > a:
            out[j, 1] = index.ts[index.postings_pool[a]]
            out[j, 2] = index.ts[index.postings_pool[b - 1]]
        if index.live and 0 <= x < len(ends):
            ends[x, 0], ends[x, 1], ends[x, 2] = out[j, 0], out[j, 1], out[j, 2]
    return out


@numba.njit(cache=True, nogil=True)
def counts_of(index, items):  # type: ignore[no-untyped-def]
    """How many postings items int64[n] have: int64[n]."""
    out, missing = np.empty(len(items), np.int64), np.empty(len(items) + 1, np.int64)
    ends, wanted = index.ends, 0
    for j in range(len(items)):
        x = np.uint64(items[j])
        inside = x < np.uint64(len(ends))
        count = ends[x, np.uint64(0)] if inside else -1
        found = index.live and (count == 0 or (count > 0 and ends[x, np.uint64(1)] > index.oldest))
        out[j], missing[wanted] = count, j
        wanted += not found
    missing = missing[:wanted]
    out[missing] = ends_of(index, items[missing])[:, 0]
    return out


@numba.njit(cache=True, nogil=True)
def sessions_of(index, parties):  # type: ignore[no-untyped-def]
    """The slices of sessions_pool that hold the sessions of parties int[n]: first, last."""
    return lists_of(
        parties, index.sessions_keep, index.oldest, index.edge, index.safe, index.now,
        index.live, index.ts, index.sessions_heads, index.sessions_pool,
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def newest_within(index, rows, reach, visits):  # type: ignore[no-untyped-def]
    """The newest facts of rows int[n], oldest first, whose sessions can be looked at in `visits`
    items: how many facts, at least one; how many items; the parties int32[n] and slices of
    sessions_pool, first and last, of which the end counts.

    reach: items looked at a session, at most. In steps, so that facts beyond cost nothing.
    """
    n = len(rows)
    parties = np.empty(n, np.int32)
    first, last = np.empty(n, np.int64), np.empty(n, np.int64)
    end, spent = n, 0
    while end > 0:
        begin = max(end - 64, 0)
        for k in range(begin, end):
            parties[k] = index.session[np.uint32(rows[k])]
        first[begin:end], last[begin:end] = sessions_of(index, parties[begin:end])
        while end > begin:
            more = min(last[end - 1] - first[end - 1], reach)
            if spent + more > visits and end < n:
                return n - end, spent, parties, first, last
            spent += more
            end -= 1
    return n, spent, parties, first, last


@numba.njit(cache=True, nogil=True)
def place_of(row, first, last, pool):  # type: ignore[no-untyped-def]
    """Where in pool[first:last] a session has a fact; -1: it has let go of it.

    Positions are not stored, because a late event shifts them. Row numbers lie side by side,
    so that looking at each is quicker than searching by their times; and as a session's facts
    often came together, the place is guessed first.
    """
    if first < last:
        guess = first + row - pool[np.uint64(first)]
        if first <= guess < last and pool[np.uint64(guess)] == row:
            return guess
    for at in range(first, last):
        if pool[np.uint64(at)] == row:
            return at
    return -1


@numba.njit(cache=True, nogil=True)
def is_own(own, party):  # type: ignore[no-untyped-def]
    """Whether a party is one of those left out."""
    found = False
    for p in own:
        found |= p == party
    return found
