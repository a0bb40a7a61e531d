"""Own repeats: what this person took before, and takes again when it is due.

From the person's own events, and how often everybody takes each item. Events of an item that lie
close together are one occasion; the mean time between occasions says when the next is due. The
rate of an item is shaped as in the modified Poisson-Gamma model of Bhagat, Muralidharan,
Lobzhanidze, Vishwanath: Buy It Again, KDD 2018: with k repeats over a span s, a mean
gap g and t since the last occasion,

    rate = (k + a) / (s + d + PRIOR_MS)    d = 2 · |g - t| until 2 · g, then t,

so that it is greatest when t = g, and fades for what was given up. What was taken once has
k = s = 0 and d = t. The mean of the Gamma prior, a / PRIOR_MS, is the item's own: with n events of
the item, and m of the person's items on average, a = PRIOR · (n + 1) / (m + 1). So what many take
often is expected back sooner than what nobody else took: most of what one occasion tells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.features.sequences import living
from afresh.retrieve import Candidates
from afresh.retrieve.index import counts_of, index_of
from afresh.retrieve.top import top

DAY_MS = 86_400_000
OCCASION_MS = 3_600_000
"""Events of an item less than this apart, one to the next, are one occasion."""
PRIOR, PRIOR_MS = 0.1, 30.0 * DAY_MS
"""Of what is taken as often as the person's items on average: a tenth of a repeat in a month."""


@dataclass(slots=True)
class Repeats:
    """found: the items, the most due first, a score being repeats a day; every: float64[n], the
    mean ms from one occasion to the next, 0 of what was taken once."""

    found: Candidates
    every: NDArray[np.float64]


@numba.njit(cache=True, nogil=True)
def _due(items, ts, now, occasion, index):  # type: ignore[no-untyped-def]
    """The distinct items, their rates a ms, and their mean gaps in ms, 0 where there is none.

    items int[n], ts int64[n]: the person's events, oldest first.
    """
    order = np.argsort(items, kind="mergesort")
    named = np.empty(len(items), np.int64)
    repeats, spans, since = np.zeros(len(items)), np.zeros(len(items)), np.zeros(len(items))
    n, at = 0, 0
    while at < len(order):
        item, first = items[order[at]], ts[order[at]]
        last = first
        while at < len(order) and items[order[at]] == item:
            repeats[n] += ts[order[at]] - last >= occasion
            last = ts[order[at]]
            at += 1
        named[n], spans[n], since[n] = item, last - first, now - last
        n += 1
    events = counts_of(index, named[:n]) + 1
    rates, gaps, usual = np.empty(n), np.zeros(n), np.sum(events) / max(n, 1)
    for j in range(n):
        away, span = since[j], 0.0
        if repeats[j]:
            span, gaps[j] = spans[j], spans[j] / repeats[j]
            if since[j] < 2.0 * gaps[j]:
                away = 2.0 * abs(gaps[j] - since[j])
        rates[j] = (repeats[j] + PRIOR * events[j] / usual) / (span + away + PRIOR_MS)
    return named[:n], rates, gaps


@numba.njit(cache=True, nogil=True)
def _repeats(history, party, newest, ts, kind, item, kinds, now, n, index):  # type: ignore[no-untyped-def]
    """Items int64[at most n], the most due first, their rates a ms and their mean gaps in ms."""
    held = living(history, party, newest, ts)
    items, times, used = np.empty(len(held), np.int64), np.empty(len(held), np.int64), 0
    for row in held:
        items[used], times[used] = item[row], ts[row]
        used += kinds[kind[row]] and ts[row] < now
    items, rates, gaps = _due(items[:used], times[:used], now, OCCASION_MS, index)
    rows = top(rates, items, n)
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
        facts.ts, facts.kind, facts.item, kinds, now, n, index_of(state, now),
    )  # fmt: skip
    return Repeats(Candidates(items, rates * DAY_MS), gaps)
