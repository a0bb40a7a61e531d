"""Terms: what the softmax blend knows of each candidate, one number a term.

For each scan the share of its best score and the logarithm of that share; where the
candidate stands in this session; how often it was touched lately, and since when; how often
it goes with the latest item for how common the two are. All are scaled to about 0 to 1, so
that one rate of learning fits them all.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.retrieve import Context
from afresh.retrieve.index import index_of, postings_of, row_at, since
from afresh.retrieve.scans import COVISITS, RULES, SCANS, Scanned

HOUR_MS, DAY_MS = 3_600_000, 86_400_000

SESSION = (
    "latest item", "the one before", "3 to 5 back", "further back", "times in this session",
)  # fmt: skip
ITEM = (
    "events", "events in a day", "events in a week", "trend", "hours since the last event",
    "hours since the first event", "cosine to the latest item",
)  # fmt: skip
CROSSED = (
    "sessions × events of the latest item", "two hops × events of the latest item",
    "rules × events of the latest item", "sessions long × length of this session",
    "next item × length of this session", "events × events of the latest item",
)  # fmt: skip
TERMS = (*SCANS, *(f"log {name}" for name in SCANS), *SESSION, *ITEM, *CROSSED)
"""The names of the columns."""

LONG, NEXT, HOPS = (SCANS.index(n) for n in ("sessions long", "next item", "two hops by rules"))


@numba.njit(cache=True, nogil=True)
def _terms(index, items, scores, best, visit):  # type: ignore[no-untyped-def]
    """float64[n, terms] in the order of TERMS."""
    n, scans = scores.shape
    out = np.zeros((n, 2 * scans + 18))
    length = min(len(visit), 10) / 10
    latest = 0
    if len(visit):
        begin, end = postings_of(index, visit[:1])
        latest = end[0] - begin[0]
    first, last = postings_of(index, items)
    common = math.log1p(latest) / 6
    today = row_at(index.now - DAY_MS, index.ts, index.used)
    weekly = row_at(index.now - 7 * DAY_MS, index.ts, index.used)
    nothing = math.log(0.01) / 4.6 + 1
    for j in range(n):
        for s in range(scans):
            share = scores[j, s] / best[s] if best[s] > 0 else 0.0
            out[j, s] = share
            out[j, scans + s] = math.log(share + 0.01) / 4.6 + 1 if share > 0 else nothing
        at = 2 * scans
        times = 0
        for v in range(len(visit) - 1, -1, -1):
            if visit[v] == items[j]:
                times += 1
                distance = v + 1
        if times:
            out[
                j, at + (0 if distance == 1 else 1 if distance == 2 else 2 if distance < 6 else 3)
            ] = 1
            out[j, at + 4] = math.log1p(times)
        at += 5
        a, b = first[j], last[j]
        ts, pool = index.ts, index.postings_pool
        day = b - since(a, b, index.now - DAY_MS, today, ts, pool)
        week = b - since(a, b, index.now - 7 * DAY_MS, weekly, ts, pool)
        events = math.log1p(b - a) / 6
        out[j, at] = events
        out[j, at + 1] = math.log1p(day) / 3
        out[j, at + 2] = math.log1p(week) / 4
        out[j, at + 3] = week / (b - a + 5)
        if b > a:
            idle = index.now - ts[pool[b - 1]]
            age = index.now - ts[pool[a]]
            out[j, at + 4] = math.log1p(idle / HOUR_MS) / 8
            out[j, at + 5] = math.log1p(age / HOUR_MS) / 8
        out[j, at + 6] = scores[j, COVISITS] / math.sqrt((latest + 1.0) * (b - a + 1.0))
        at += 7
        out[j, at] = common * out[j, 0]
        out[j, at + 1] = common * out[j, HOPS]
        out[j, at + 2] = common * out[j, RULES]
        out[j, at + 3] = length * out[j, LONG]
        out[j, at + 4] = length * out[j, NEXT]
        out[j, at + 5] = common * events
    return out


def terms(state: State, context: Context, scanned: Scanned) -> NDArray[np.float64]:
    """The terms of the candidates: float64[n, len(TERMS)], as of context.now."""
    return np.asarray(
        _terms(
            index_of(state, context.now), scanned.items, scanned.scores, scanned.best,
            context.visit if len(context.visit) else context.items,
        )
    )  # fmt: skip
