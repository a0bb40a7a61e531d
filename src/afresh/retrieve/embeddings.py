"""Embeddings: what lies near the visitor's latest items in vectors learned from all visits.

The visitor is folded in as the request comes: a mean of the item vectors, as for the preference,
but each of the visitor's items counts half of the one touched after it. Those vectors know what
comes next to what, not what is alike, so the latest item says most.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.preference import HALF_LIFE, acted, nearest
from afresh.vectors.behaviour import BehaviourVectors

FADING = 0.5
"""What an item counts beside the one touched after it."""


def embeddings(
    state: State, context: Context, vectors: BehaviourVectors, space: Workspace,
    weights: NDArray[np.float64], *, half_life: int = HALF_LIFE, n: int,
) -> Candidates:  # fmt: skip
    """The n nearest items; scores are cosines. weights: float64[256], by type code."""
    items, pull = acted(state, context, weights, half_life)
    place = space.rows(context.items, items)
    place[place < 0] = len(context.items)
    return nearest(items, pull * FADING**place, context, vectors, n)
