"""Examples: the lists that the learner learns from, made by the sources that requests ask.

The candidates of an example are those of surfaces that score with what is learned, so that the
weights know of all that they will weigh: also of what the visitor takes again, of what only its
text speaks for, and of what merely trends. What is said of them is as of the context's moment.
Which items lead a trend may be younger by a tile; that they do is no term.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from afresh.rank.blend import blend
from afresh.retrieve import Context
from afresh.stages.sources import Sources
from afresh.surfaces.spec import Source, Surface

CANDIDATES = 100
"""The most that each source gives."""


class Examples:
    """The candidates of all sources that learned surfaces declare; the caller holds the lock."""

    def __init__(self, sources: Sources, surfaces: Iterable[Surface]) -> None:
        self.sources = sources
        learned = [surface for surface in surfaces if surface.scorer == "learned"]
        named = {
            (source.label, str(source.params)): source
            for surface in learned
            for source in surface.sources
        }
        self.declared: tuple[Source, ...] = tuple(named.values())

    def __call__(self, context: Context) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Items int64[n], distinct, and rank.terms.TERMS of each, float64[n, terms]."""
        given = [(each, self.sources(each, context, CANDIDATES)) for each in self.declared]
        space = self.sources.space
        space.fit(self.sources.replica.state)
        items = blend([found for _, found in given], [1.0] * len(given), space).items
        return items, self.sources.terms(items, context, CANDIDATES, given)
