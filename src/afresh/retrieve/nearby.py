"""What stands near an item in people's sessions: the walk behind rules, next item,
co-visitation and two hops.

Ludewig, Jannach: Evaluation of session-based recommendation algorithms, UMUAI 2018
(sections 3.1.2 and 3.1.3: association rules and sequential rules), with backward steps at
a weight of their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.index import (
    VISITS,
    counts_of,
    index_of,
    is_own,
    newest_within,
    place_of,
    postings_of,
)
from afresh.retrieve.tally import tally

FAR = 1000
"""Steps beyond the length of any session worth walking."""


class Walk(NamedTuple):
    """How far to walk from each posting.

    depth: postings looked at an item, newest first; steps: in each direction; backward: the
    weight of what came before; by_distance: d steps away counts 1/d; normalised: divided by this
    power of the number of postings looked at; common: what an item gets is divided by this power of
    the number of its own postings, which is left to the caller of `walk`, 0 for never; itself:
    whether the item may name itself; visits: the
    most items looked at, shared evenly among those walked from, what one leaves being for the
    next; nearest: where an item's share does not suffice for all its postings, as sessions are
    long, walks from it are shortened to so many steps at the least, for what is near in many
    sessions says more than what is far in a few; 0: they never are.
    """

    depth: int = 500
    steps: int = 10
    backward: float = 0.6
    by_distance: bool = True
    normalised: float = 1.0
    common: float = 0.0
    itself: bool = False
    visits: int = VISITS
    nearest: int = 0


@numba.njit(cache=True, nogil=True)
def walk(index, wanted, items, weights, own, row, met, scores, used):  # type: ignore[no-untyped-def]
    """Add what stands near items int64[c], weighing weights float64[c], into scores float32[rows]
    (zero on entry); returns how many rows are used, of which some may have got nothing.

    own: parties left out; used: rows taken before. The other arrays are those of a Workspace.
    """
    item, pool, steps = index.item, index.sessions_pool, wanted.steps
    begin, end = postings_of(index, items)
    ways = 1 if wanted.backward == 0.0 else 2
    left, worth = wanted.visits, np.zeros(2 * steps + 1, np.float32)
    for i in range(len(items)):
        rows = index.postings_pool[max(begin[i], end[i] - wanted.depth) : end[i]]
        share, far = left // (len(items) - i), steps
        looked, spent, parties, first, last = newest_within(index, rows, ways * far + 1, share)
        if 0 < wanted.nearest < steps and looked < len(rows):
            far = min(max((share // len(rows) - 1) // ways, wanted.nearest), steps)
            looked, spent, parties, first, last = newest_within(index, rows, ways * far + 1, share)
        left = max(left - spent, 0)
        weight = weights[i] / max(looked, 1) ** wanted.normalised
        for d in range(1, steps + 1):
            worth[steps + d] = weight / d if wanted.by_distance else weight
            worth[steps - d] = wanted.backward * worth[steps + d]
        found, values = np.empty(spent, np.uint32), np.empty(spent, np.float32)
        n = 0
        for p in range(len(rows) - 1, len(rows) - 1 - looked, -1):
            at = place_of(rows[p], first[p], last[p], pool)
            if at < 0 or is_own(own, parties[p]):
                continue
            low = at if wanted.backward == 0.0 else max(first[p], at - far)
            for r in range(low, min(last[p], at + far + 1)):
                found[np.uint64(n)] = item[np.uint32(pool[np.uint64(r)])]
                values[np.uint64(n)] = worth[np.uint64(steps + r - at)]
                n += 1
        if not wanted.itself:
            values[:n][found[:n] == items[i]] = 0.0
        used = tally(found[:n], values[:n], row, met, scores, used)
    return used


@numba.njit(cache=True, nogil=True)
def evened(index, items, power):  # type: ignore[no-untyped-def]
    """1 / postings ** power of items int64[n]: float32[n]."""
    counts, out = counts_of(index, items), np.empty(len(items), np.float32)
    known = np.zeros(index.postings_keep + 1)  # thousands of items share some hundred counts
    for r in range(len(items)):
        count = np.uint64(max(counts[r], 1))
        if known[count] == 0.0:
            known[count] = float(count) ** -power
        out[r] = known[count]
    return out


def near(
    state: State,
    context: Context,
    space: Workspace,
    wanted: Walk,
    items: NDArray[np.int64],
    weights: NDArray[np.float64],
    n: int,
) -> Candidates:
    """The n items that stand nearest to `items` int64[c], weighing `weights` float64[c]."""
    if not len(items):
        return Candidates()
    space.fit(state)
    index = index_of(state, context.now)
    used = walk(
        index, wanted, items, weights, context.sessions, space.row, space.met, space.scores[0], 0
    )
    if wanted.common:
        space.scores[0, :used] *= evened(index, space.met[:used], wanted.common)
    return space.best(used, n)
