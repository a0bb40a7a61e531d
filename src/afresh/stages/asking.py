"""Asking ahead: what a request will want of a vector database, before it holds anything up."""

from __future__ import annotations

from afresh.features.plan import Plan
from afresh.retrieve import Context
from afresh.stages.sources import Sources
from afresh.surfaces.spec import Surface
from afresh.vectors.databases.filters import And, Filter, Not, OneOf
from afresh.vectors.databases.target import KINDS
from afresh.vectors.lookups import Asking, Question

BY_VECTOR = ("text", "preference")
"""Sources that ask for what lies near a vector of text."""


def asks(surface: Surface) -> bool:
    """Whether a surface asks for what lies near a vector of text."""
    return any(source.name in BY_VECTOR for source in surface.sources)


def showable(surface: Surface, plan: Plan) -> Filter | None:
    """What a search may leave out, as the surface shows it to nobody: what `available` filters."""
    kinds = {field.name: KINDS.get(field.kind) for field in plan.catalog.fields}
    parts: list[Filter] = []
    for each in surface.filters:
        name = str(each.params.get("field", ""))
        if each.name == "available" and kinds.get(name) is not None:
            parts.append(Not(OneOf(name, (False if kinds[name] == "flag" else 0,))))
    return And(tuple(parts)) if parts else None


def questions(sources: Sources, surface: Surface, context: Context, n: int) -> list[Question]:
    """What a surface's sources, at most n candidates each, would ask for a context."""
    asking = Asking(showable(surface, sources.replica.plan))
    with sources.asking(asking):
        for source in surface.sources:
            if source.name in BY_VECTOR:
                try:
                    sources(source, context, n)
                except Exception:
                    continue  # the request itself will meet it, and say so
    return asking.questions
