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
from afresh.retrieve.index import ends_of, index_of, postings_of, row_at, since
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
def lately(index, items, ends):  # type: ignore[no-untyped-def]
    """How many postings of items int64[n], of which `ends_of` gave ends, are of the last day and
    of the last week: int64[n] each."""
    ts, pool = index.ts, index.postings_pool
    today, this_week = index.now - DAY_MS, index.now - 7 * DAY_MS
    day_row, week_row = row_at(today, ts, index.used), row_at(this_week, ts, index.used)
    daily, weekly = np.zeros(len(items), np.int64), np.zeros(len(items), np.int64)
    rows = np.flatnonzero((ends[:, 0] > 0) & (ends[:, 2] >= this_week))
    first, last = postings_of(index, items[rows])
    for r in range(len(rows)):
        j, a, b = rows[r], first[r], last[r]
        begin = since(a, b, this_week, week_row, ts, pool)
        weekly[j] = b - begin
        if ends[j, 2] >= today:
            daily[j] = b - since(begin, b, today, day_row, ts, pool)
    return daily, weekly


@numba.njit(cache=True, nogil=True)
def _terms(index, items, scores, best, visit):  # type: ignore[no-untyped-def]
    """float64[n, terms] in the order of TERMS."""
    n, scans = scores.shape
    out = np.zeros((n, 2 * scans + 18))
    length = min(len(visit), 10) / 10
    latest = ends_of(index, visit[:1])[0, 0] if len(visit) else 0
    ends = ends_of(index, items)
    daily, weekly = lately(index, items, ends)
    common = math.log1p(latest) / 6
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
        count, oldest, newest = ends[j]
        events = math.log1p(count) / 6
        out[j, at] = events
        out[j, at + 1] = math.log1p(daily[j]) / 3
        out[j, at + 2] = math.log1p(weekly[j]) / 4
        out[j, at + 3] = weekly[j] / (count + 5)
        if count:
            out[j, at + 4] = math.log1p((index.now - newest) / HOUR_MS) / 8
            out[j, at + 5] = math.log1p((index.now - oldest) / HOUR_MS) / 8
        out[j, at + 6] = scores[j, COVISITS] / math.sqrt((latest + 1.0) * (count + 1.0))
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
