"""Text neighbours: what is described like the items somebody looked at.

The one source that knows an item from the moment it is put, before anybody touched it, and
the one that has an answer to an item of which no session tells anything.
"""

from __future__ import annotations

import numba
import numpy as np

from afresh.retrieve import Candidates, Context, without
from afresh.retrieve.top import top
from afresh.vectors.items import ItemVectors

CONTEXT = 3
"""How many of the latest items speak."""
NEIGHBOURS = 200
SPARE = 16
"""Neighbours looked at beyond those wanted, as some are in the context: as a rule the same
number, so that remembered ones are found again."""


def text_neighbours(
    context: Context, vectors: ItemVectors, *, latest: int = CONTEXT, n: int = NEIGHBOURS
) -> Candidates:
    """The n items nearest to any of the context's `latest` ones; those of the context left out.

    A score is the greatest cosine to one of them, an older one's discounted as in the scans of
    postings: by (latest - position) / latest. A mean would lie between a shoe and a saw.
    """
    asked, more = context.items[:latest], max(len(context.items), SPARE)
    if not len(asked):
        return Candidates()
    found = vectors.near_items(asked, n + more)
    items = np.concatenate([each.items for each in found])
    scores = np.concatenate([each.scores for each in found])
    sizes = np.array([len(each.items) for each in found])
    return Candidates(*_best(items, scores, sizes, context.items, n))


@numba.njit(cache=True, nogil=True)
def _best(items, scores, sizes, gone, n):  # type: ignore[no-untyped-def]
    """The n best of lists one after the other, of int64[lists] sizes, an older one's scores
    discounted: items int64[m], each once with the highest of its scores float64[m], but for those
    gone, int64[k]."""
    begin = 0
    for at in range(len(sizes)):
        scores[begin : begin + sizes[at]] *= (len(sizes) - at) / len(sizes)
        begin += sizes[at]
    distinct, highest, used = np.empty_like(items), np.empty_like(scores), 0
    for row in np.argsort(items):
        if used == 0 or distinct[used - 1] != items[row]:
            distinct[used], highest[used] = items[row], scores[row]
            used += 1
        highest[used - 1] = max(highest[used - 1], scores[row])
    items, scores = without(distinct[:used], highest[:used], gone, used)
    rows = top(scores, items, n)
    return items[rows], scores[rows]


def alike(item: int, vectors: ItemVectors, *, n: int = NEIGHBOURS) -> Candidates:
    """The items whose text is nearest to an item's, itself left out; scores are cosines."""
    return text_neighbours(Context(np.array([item]), np.empty(0, np.int64), 0), vectors, n=n)
