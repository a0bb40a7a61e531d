"""Co-visitation: what shares sessions with the latest item, wherever it stands in them.

Association rules of size two (Ludewig, Jannach, UMUAI 2018, section 3.1.1). Recency comes
from the depth: the item's newest postings alone are looked at.
"""

from __future__ import annotations

import numpy as np

from afresh.features.engines.embedded import State
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.nearby import FAR, Walk, near

COVISITS = Walk(steps=FAR, backward=1.0, by_distance=False)


def covisits(
    state: State, context: Context, space: Workspace, *, depth: int = COVISITS.depth, n: int = 500
) -> Candidates:
    """The n items that most often share a session with the context's latest item, as shares
    of its newest `depth` postings."""
    items = context.items[:1]
    wanted = COVISITS._replace(depth=depth)
    return near(state, context, space, wanted, items, np.ones(len(items)), n)
