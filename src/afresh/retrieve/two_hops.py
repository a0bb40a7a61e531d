"""Two hops: what stands near that which stands near the latest items.

The strongest neighbours of another scan are walked from in turn, each weighing what it
scored, so that an item can be found that never shared a session with the context.
"""

from __future__ import annotations

from afresh.features.engines.embedded import State
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.nearby import Walk, near
from afresh.retrieve.rules import rules

HOPS = 16
"""How many of the strongest neighbours are walked from."""
SECOND = Walk(depth=60, steps=5, backward=0.8, itself=True)


def two_hops(state: State, context: Context, space: Workspace, *, n: int = 500) -> Candidates:
    """The n items nearest to the strongest rule neighbours of the context's latest items."""
    first = rules(state, context, space, n=HOPS)
    return near(state, context, space, SECOND, first.items, first.scores, n)
