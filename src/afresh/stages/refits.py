"""Refits: vectors fitted again and again while the past is walked through once more.

What evaluates, and what trains a ranker, asks a state that knows no more than was known then; so
must the vectors. They are fitted of that state, when its own time says that it is time.
"""

from __future__ import annotations

from afresh.errors import AfreshError
from afresh.stages.sources import Sources
from afresh.surfaces.spec import Surface
from afresh.vectors.behaviour import BehaviourVectors
from afresh.vectors.fitted import FittedVectors
from afresh.vectors.fitting import fit_known, known_now
from afresh.vectors.shelf import Shelf


def exchange(sources: Sources, fitted: FittedVectors | None) -> BehaviourVectors | None:
    """Have sources read these vectors, None for none, once all items are among them: whoever asks
    meanwhile has those before. The caller does not hold the replica's lock."""
    replica, made = sources.replica, None
    if fitted is not None:
        with replica.lock:
            texts = sources.texts
        made = BehaviourVectors(replica, fitted, texts)
        made.prepare()
    with replica.lock:
        before, sources.behaviour = sources.behaviour, made
        if before is not None:
            before.drop()
    return made


def use_vectors(sources: Sources, name: str, shelf: Shelf) -> None:
    """Have the sources of a state of the past read the vectors of this name; "": none. Raises
    NotFound when they are gone. The caller does not hold the lock."""
    if sources.vectors_name != name:
        exchange(sources, shelf.read(name) if name else None)


class Refits:
    """Fits the vectors of one replica, on the thread that folds it. every: ms of event time."""

    def __init__(self, sources: Sources, surface: Surface, every: int) -> None:
        self.sources, self.every = sources, every
        self.needed = surface.embedded
        self._due = 0

    def look(self, *, at_once: bool = False) -> None:
        """Fit, if it is time, or at once."""
        newest = self.sources.replica.state.newest
        if not self.needed or (newest < self._due and not at_once):
            return
        self._due = newest + self.every
        replica = self.sources.replica
        try:
            with replica.lock:
                known = known_now(replica, self.sources.texts)
            fitted = fit_known(known)
        except AfreshError:
            return  # too little was known yet
        exchange(self.sources, fitted)
