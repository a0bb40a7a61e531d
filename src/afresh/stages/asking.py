"""Asking ahead: what a request will want of a vector database, before it holds anything up."""

from __future__ import annotations

from afresh.retrieve import Context
from afresh.stages.sources import Sources
from afresh.surfaces.spec import Surface
from afresh.vectors.lookups import Asking, Question

BY_VECTOR = ("text", "preference")
"""Sources that ask for what lies near a vector of text."""


def asks(surface: Surface) -> bool:
    """Whether a surface asks for what lies near a vector of text."""
    return any(source.name in BY_VECTOR for source in surface.sources)


def questions(sources: Sources, surface: Surface, context: Context, n: int) -> list[Question]:
    """What a surface's sources, at most n candidates each, would ask for a context."""
    asking = Asking()
    with sources.asking(asking):
        for source in surface.sources:
            if source.name in BY_VECTOR:
                try:
                    sources(source, context, n)
                except Exception:
                    continue  # the request itself will meet it, and say so
    return asking.questions
