"""Examples: the lists that the learner learns from, made by the sources that requests ask.

The candidates of an example are those of surfaces that score with what is learned, so that the
weights know of all that they will weigh: also of what the visitor takes again, and of what only
its text speaks for. They are as of the context's moment, so a source that follows the clock, as a
trend does, is not asked; what it gives is known by the terms that all have.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from afresh.rank.beside import BESIDE, beside
from afresh.rank.blend import blend
from afresh.retrieve import Context
from afresh.stages.sources import Sources
from afresh.surfaces.declare import neighbours
from afresh.surfaces.spec import Source, Surface

CANDIDATES = 100
"""The most that each source gives."""


def of_sources(sources: Iterable[Source]) -> list[tuple[str, float]]:
    """Their names and weights."""
    return [(source.name, source.weight) for source in sources]


class Examples:
    """The scans, and what learned surfaces declare that has terms of its own; the caller holds the
    lock."""

    def __init__(self, sources: Sources, surfaces: Iterable[Surface]) -> None:
        self.sources = sources
        named = {
            source.label: source
            for surface in surfaces
            for source in surface.sources
            if surface.scorer == "learned" and source.name in BESIDE and source.weight > 0
        }
        self.declared: tuple[Source, ...] = (neighbours(), *named.values())
        self._beside = beside(of_sources(self.declared))

    def __call__(self, context: Context) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Items int64[n], distinct, and rank.terms.TERMS of each, float64[n, terms]."""
        self.sources.space.fit(self.sources.replica.state)
        found = [self.sources(source, context, CANDIDATES) for source in self.declared]
        weights = [source.weight for source in self.declared]
        scored = blend(found, weights, self.sources.space)
        return scored.items, self.sources.terms(scored, self._beside, context, CANDIDATES)
