"""Own repeats: what this person takes again and again, when it is due.

From the person's own events alone. Events of an item that lie close together are one occasion;
the mean time between occasions says when the next is due. The rate of an item is shaped as in
the modified Poisson-Gamma model of Bhagat, Muralidharan, Lobzhanidze, Vishwanath: Buy It Again, KDD
2018: with k repeats over a span s, a mean gap g and t since the last occasion,

    rate = (k + PRIOR) / (s + d + PRIOR_MS)    d = 2 · |g - t| until 2 · g, then t,

so that it is greatest when t = g, and fades for what was given up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.features.sequences import living
from afresh.retrieve import Candidates
from afresh.retrieve.top import top

DAY_MS = 86_400_000
OCCASION_MS = 3_600_000
"""Events of an item less than this apart, one to the next, are one occasion."""
PRIOR, PRIOR_MS = 0.5, 7.0 * DAY_MS


@dataclass(slots=True)
class Repeats:
    """found: the items, the most due first, a score being repeats a day; every: float64[n], the
    mean ms from one occasion to the next."""

    found: Candidates
    every: NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def _due(items, ts, now, occasion):  # type: ignore[no-untyped-def]
    """Rates a ms and mean gaps in ms of the distinct items, 0 for what never came again.

    items int[n], ts int64[n]: the person's events, oldest first.
    """
    order = np.argsort(items, kind="mergesort")
    named = np.empty(len(items), np.int64)
    rates, gaps = np.zeros(len(items)), np.zeros(len(items))
    n, at = 0, 0
    while at < len(order):
        item, first = items[order[at]], ts[order[at]]
        last, repeats = first, 0
        while at < len(order) and items[order[at]] == item:
            if ts[order[at]] - last >= occasion:
                repeats += 1
            last = ts[order[at]]
            at += 1
        named[n] = item
        if repeats:
            gap, since = (last - first) / repeats, float(now - last)
            away = 2.0 * abs(gap - since) if since < 2.0 * gap else since
            rates[n] = (repeats + PRIOR) / (last - first + away + PRIOR_MS)
            gaps[n] = gap
        n += 1
    return named[:n], rates[:n], gaps[:n]


@numba.njit(cache=True, nogil=True)
def _repeats(history, party, newest, ts, kind, item, kinds, now, n):  # type: ignore[no-untyped-def]
    """Items int64[at most n], the most due first, their rates a ms and their mean gaps in ms."""
    held = living(history, party, newest, ts)
    items, times, used = np.empty(len(held), np.int64), np.empty(len(held), np.int64), 0
    for row in held:
        items[used], times[used] = item[row], ts[row]
        used += kinds[kind[row]] and ts[row] < now
    items, rates, gaps = _due(items[:used], times[:used], now, OCCASION_MS)
    rows = np.flatnonzero(rates)
    rows = rows[top(rates[rows], items[rows], n)]
    return items[rows], rates[rows], gaps[rows]


def repeats(
    state: State, party: int, now: int, kinds: NDArray[np.bool_] | None = None, *, n: int = 500
) -> Repeats:
    """The n items most due for one party, as of `now`.

    kinds: bool[256], the event types that count; left out, those of greatest weight, such as
    purchases, where they differ.
    """
    facts, kinds = state.facts, state.heaviest if kinds is None else kinds
    items, rates, gaps = _repeats(
        state.sequences[state.plan.history].kept, party, state.newest,
        facts.ts, facts.kind, facts.item, kinds, now, n,
    )  # fmt: skip
    return Repeats(Candidates(items, rates * DAY_MS), gaps)
