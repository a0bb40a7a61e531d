"""Terms: what the softmax blend knows of each candidate, one number a term.

For each scan the share of its best score and the logarithm of that share; where the
candidate stands in this session; how often it was touched lately, and since when; how often
it goes with the latest item for how common the two are; and, where a surface asks sources that know
of them, how often this visitor takes it again and how near it lies to a taste. All are scaled to
about 0 to 1, so that one rate of learning fits them all.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.rank.beside import Given
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
    "two hops × log length of this session", "events × log length of this session",
)  # fmt: skip
OWN = (
    "repeats", "log repeats", "repeats a month", "preference", "text", "embeddings",
    "log embeddings",
)  # fmt: skip
"""What only sources beside the scans know (`rank.beside`)."""
SHARED = (*SCANS, *(f"log {name}" for name in SCANS), *SESSION, *ITEM, *CROSSED)
TERMS = (*SHARED, *OWN)
"""The names of the columns; where no source knows of OWN, SHARED are all there are."""
WIDTH, FIRST_OWN = len(TERMS), len(SHARED)

LOG1P = np.log1p(np.arange(4096))
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
def _log1p(count):  # type: ignore[no-untyped-def]
    """log(1 + count); most counts are small, and thousands are asked for."""
    return LOG1P[np.uint64(count)] if count < len(LOG1P) else math.log1p(count)


@numba.njit(cache=True, nogil=True)
def _stood(visit, item):  # type: ignore[no-untyped-def]
    """How often a visit int64[v], newest first, has an item, and where it stands first, from 1."""
    times = distance = 0
    for v in range(len(visit)):
        times += visit[v] == item
    if times:
        while visit[distance] != item:
            distance += 1
    return times, distance + 1


@numba.njit(cache=True, nogil=True)
def _own(out, parts, best, column, weight):  # type: ignore[no-untyped-def]
    """OWN into out float64[n, TERMS]; the others as of `Given`."""
    again, taste, text, near = column
    for j in range(len(out)):
        if again >= 0 and parts[j, again] > 0.0:
            share = parts[j, again] / weight[0]
            out[j, FIRST_OWN] = share
            out[j, FIRST_OWN + 1] = math.log(share + 0.01) / 4.6 + 1
            out[j, FIRST_OWN + 2] = math.log1p(30 * share * best[again]) / 2
        if taste >= 0:
            out[j, FIRST_OWN + 3] = parts[j, taste] / weight[1] * best[taste]
        if text >= 0:
            out[j, FIRST_OWN + 4] = parts[j, text] / weight[2] * best[text]
        if near >= 0 and parts[j, near] > 0.0:
            share = parts[j, near] / weight[3]
            out[j, FIRST_OWN + 5] = share * best[near]
            out[j, FIRST_OWN + 6] = math.log(share + 0.01) / 4.6 + 1


@numba.njit(cache=True, nogil=True)
def _terms(index, items, rows, scores, best, visit, width):  # type: ignore[no-untyped-def]
    """float64[n, width] in the order of TERMS; OWN are zero."""
    scans = scores.shape[1]
    out = np.zeros((len(items), width))
    length, long = min(len(visit), 10) / 10, _log1p(len(visit)) / 3
    latest = ends_of(index, visit[:1])[0, 0] if len(visit) else 0
    ends = ends_of(index, items)
    daily, weekly = lately(index, items, ends)
    common = _log1p(latest) / 6
    nothing = math.log(0.01) / 4.6 + 1
    shares = np.array([1.0 / b if b > 0.0 else 0.0 for b in best])
    for j in range(len(items)):
        cosine = 0.0
        out[j, scans : 2 * scans] = nothing
        if rows[j] >= 0:
            given = scores[rows[j]]
            cosine = given[COVISITS] / math.sqrt((latest + 1.0) * (ends[j, 0] + 1.0))
            for s in range(scans):
                if given[s] > 0.0:
                    share = given[s] * shares[s]
                    out[j, s] = share
                    out[j, scans + s] = math.log(share + 0.01) / 4.6 + 1
        at = 2 * scans
        times, distance = _stood(visit, items[j])
        if times:
            out[
                j, at + (0 if distance == 1 else 1 if distance == 2 else 2 if distance < 6 else 3)
            ] = 1
            out[j, at + 4] = _log1p(times)
        at += 5
        count, oldest, newest = ends[j]
        events = _log1p(count) / 6
        out[j, at] = events
        out[j, at + 1] = _log1p(daily[j]) / 3
        out[j, at + 2] = _log1p(weekly[j]) / 4
        out[j, at + 3] = weekly[j] / (count + 5)
        if count:
            out[j, at + 4] = math.log1p((index.now - newest) / HOUR_MS) / 8
            out[j, at + 5] = math.log1p((index.now - oldest) / HOUR_MS) / 8
        out[j, at + 6] = cosine
        at += 7
        out[j, at] = common * out[j, 0]
        out[j, at + 1] = common * out[j, HOPS]
        out[j, at + 2] = common * out[j, RULES]
        out[j, at + 3] = length * out[j, LONG]
        out[j, at + 4] = length * out[j, NEXT]
        out[j, at + 5] = common * events
        out[j, at + 6] = long * out[j, HOPS]
        out[j, at + 7] = long * events
    return out


def terms(
    state: State, context: Context, scanned: Scanned, items: NDArray[np.int64] | None = None,
    rows: NDArray[np.int64] | None = None, given: Given | None = None,
) -> NDArray[np.float64]:  # fmt: skip
    """The terms of the candidates: float64[n, len(TERMS)], as of context.now.

    Of those scanned, or of items int64[n], where rows int64[n] says where each stands among
    the scanned, -1 for one that no scan found. given: what other sources gave them; without,
    there are SHARED alone.
    """
    if items is None or rows is None:
        items, rows = scanned.items, np.arange(len(scanned.items))
    out = _terms(
        index_of(state, context.now), items, rows, scanned.scores, scanned.best,
        context.visit if len(context.visit) else context.items,
        FIRST_OWN if given is None else WIDTH,
    )  # fmt: skip
    if given is not None:
        _own(out, *given)
    return np.asarray(out)
