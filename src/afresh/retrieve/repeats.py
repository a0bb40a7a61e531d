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
from afresh.retrieve import Candidates, Workspace
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
def _repeats(history, party, newest, ts, kind, item, kinds, now, n, index, row):  # type: ignore[no-untyped-def]
    """Items int64[at most n], the most due first, their rates a ms and their mean gaps in ms, 0
    of what was taken once; row int32[items] is that of a Workspace."""
    held = living(history, party, newest, ts)
    items, times = np.empty(len(held), np.int64), np.empty((len(held), 2), np.int64)
    again, used = np.zeros(len(held), np.int64), 0
    for fact in held:  # oldest first
        if not kinds[kind[fact]] or ts[fact] >= now:
            continue
        j = row[item[fact]]
        if j < 0:
            j = np.int32(used)
            row[item[fact]], items[j], times[j] = j, item[fact], ts[fact]
            used += 1
        again[j] += ts[fact] - times[j, 1] >= OCCASION_MS
        times[j, 1] = ts[fact]
    items = items[:used]
    row[items] = -1
    events = counts_of(index, items) + 1
    usual = np.sum(events) / max(used, 1)
    rates, gaps = np.empty(used), np.zeros(used)
    for j in range(used):
        span, away = 0.0, float(now - times[j, 1])
        if again[j]:
            span = float(times[j, 1] - times[j, 0])
            gaps[j] = span / again[j]
            if away < 2.0 * gaps[j]:
                away = 2.0 * abs(gaps[j] - away)
        rates[j] = (again[j] + PRIOR * events[j] / usual) / (span + away + PRIOR_MS)
    best = top(rates, items, n)
    return items[best], rates[best], gaps[best]


def repeats(
    state: State, party: int, now: int, space: Workspace, kinds: NDArray[np.bool_] | None = None,
    *, n: int = 500,
) -> Repeats:  # fmt: skip
    """The n items most due for one party, as of `now`.

    kinds: bool[256], the event types that count; left out, those of greatest weight, such as
    purchases, where they differ.
    """
    space.fit(state)
    facts, kinds = state.facts, state.heaviest if kinds is None else kinds
    items, rates, gaps = _repeats(
        state.sequences[state.plan.history].kept, party, state.newest,
        facts.ts, facts.kind, facts.item, kinds, now, n, index_of(state, now), space.row,
    )  # fmt: skip
    return Repeats(Candidates(items, rates * DAY_MS), gaps)
