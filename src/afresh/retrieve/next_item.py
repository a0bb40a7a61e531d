"""Next item: what came directly after the latest item, a first-order Markov chain."""

from __future__ import annotations

import numpy as np

from afresh.features.engines.embedded import State
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.nearby import Walk, near

NEXT = Walk(steps=1, backward=0.0)


def next_item(state: State, context: Context, space: Workspace, *, n: int = 500) -> Candidates:
    """The n items that most often directly followed the context's latest item."""
    return near(state, context, space, NEXT, context.items[:1], np.ones(len(context.items[:1])), n)
