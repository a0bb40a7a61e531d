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
from afresh.retrieve.index import VISITS, index_of, is_own, newest_within, place_of, postings_of

FAR = 1000
"""Steps beyond the length of any session worth walking."""


class Walk(NamedTuple):
    """How far to walk from each posting.

    depth: postings looked at an item, newest first; steps: in each direction; backward: the
    weight of what came before; by_distance: d steps away counts 1/d; normalised: divided
    by the number of postings looked at; itself: whether the item may name itself; visits: the
    most items looked at, shared evenly among those walked from, what one leaves being for the
    next.
    """

    depth: int = 500
    steps: int = 10
    backward: float = 0.6
    by_distance: bool = True
    normalised: bool = True
    itself: bool = False
    visits: int = VISITS


@numba.njit(cache=True, nogil=True)
def walk(index, wanted, items, weights, own, row, met, scores, used):  # type: ignore[no-untyped-def]
    """Add what stands near items int64[c], weighing weights float64[c], into scores float64[rows]
    (zero on entry); returns how many rows are used.

    own: parties left out; used: rows taken before. The other arrays are those of a Workspace.
    """
    item, pool = index.item, index.sessions_pool
    begin, end = postings_of(index, items)
    reach = wanted.steps + 1 if wanted.backward == 0.0 else 2 * wanted.steps + 1
    left = wanted.visits
    for i in range(len(items)):
        rows = index.postings_pool[max(begin[i], end[i] - wanted.depth) : end[i]]
        looked, spent, parties, first, last = newest_within(
            index, rows, reach, left // (len(items) - i)
        )
        left = max(left - spent, 0)
        weight = weights[i] / max(looked, 1) if wanted.normalised else weights[i]
        for p in range(len(rows) - 1, len(rows) - 1 - looked, -1):
            if is_own(own, parties[p]):
                continue
            at = place_of(rows[p], first[p], last[p], pool)
            if at < 0:
                continue
            low = at if wanted.backward == 0.0 else max(first[p], at - wanted.steps)
            for r in range(low, min(last[p], at + wanted.steps + 1)):
                x = item[pool[r]]
                if r == at or (x == items[i] and not wanted.itself):
                    continue
                value = weight / abs(r - at) if wanted.by_distance else weight
                if r < at:
                    value *= wanted.backward
                # Whether an item is new cannot be guessed: both ways are one.
                place = row[x]
                new = place < 0
                place = used if new else place
                row[x], met[used] = place, x
                used += new
                scores[place] += value
    return used


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
    used = walk(
        index_of(state, context.now), wanted, items, weights, context.sessions,
        space.row, space.met, space.scores[0], 0,
    )  # fmt: skip
    return space.best(used, n)
