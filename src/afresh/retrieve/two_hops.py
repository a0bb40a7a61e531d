"""Two hops: what stands near that which stands near the latest items.

The strongest neighbours of another scan are walked from in turn, each weighing what it
scored, so that an item can be found that never shared a session with the context.
"""

from __future__ import annotations

import numpy as np

from afresh.features.engines.embedded import State
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.nearby import Walk, near

HOPS = 16
"""How many of the strongest neighbours are walked from."""
LATEST = 3
"""How many of the latest items the first hop goes from: its strongest neighbours are theirs."""
FIRST = Walk(nearest=3)
SECOND = Walk(depth=60, steps=5, backward=0.8, itself=True)


def two_hops(state: State, context: Context, space: Workspace, *, n: int = 500) -> Candidates:
    """The n items nearest to the strongest rule neighbours of the context's latest items."""
    items = context.items[:LATEST]
    weights = 1.0 / np.arange(1, len(items) + 1)
    first = near(state, context, space, FIRST, items, weights, HOPS)
    return near(state, context, space, SECOND, first.items, first.scores, n)
