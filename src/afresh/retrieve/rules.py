"""Sequential rules: what comes soon after, or before, the latest items in the same session.

An item at distance d from the match counts 1/d (Ludewig, Jannach, UMUAI 2018, section
3.1.3), with backward steps at a lower weight; the i-th latest item of the context speaks
with weight 1/i. What is found is divided by powers of how often the item of the context
and the item itself are touched, between a conditional probability, which names what everybody
takes, and a cosine, which names what nobody else does.
"""

from __future__ import annotations

import numpy as np

from afresh.features.engines.embedded import State
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.index import VISITS
from afresh.retrieve.nearby import Walk, near

RULES = Walk(normalised=0.5, common=0.25, visits=8 * VISITS, nearest=3)
CONTEXT = 10
"""How many of the latest items speak unless said: in a short visit all of them."""


def rules(
    state: State, context: Context, space: Workspace, *, latest: int = CONTEXT,
    depth: int = RULES.depth, n: int = 500,
) -> Candidates:  # fmt: skip
    """The n items that most often stand near the context's `latest` items."""
    items = context.items[:latest]
    weights = 1.0 / np.arange(1, len(items) + 1)
    return near(state, context, space, RULES._replace(depth=depth), items, weights, n)


def item_context(item: int, now: int) -> Context:
    """The context of a question about one item."""
    return Context(np.array([item], np.int64), np.empty(0, np.int64), now)
