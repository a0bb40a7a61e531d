"""What a route says about itself, beside its code; `openapi.py` makes the document of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Schema = Any
"""A struct type, or the name of a schema that depends on the definition: Event, ItemRecord."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request body. media: schema and example by media type."""

    media: dict[str, tuple[Schema, Any]]
    packed: bool = False
    """Whether gzip is taken too."""


@dataclass(frozen=True, slots=True)
class Doc:
    """One route: what it does, what it takes, what it answers."""

    summary: str
    tag: str
    answer: Schema = None
    example: Any = None
    description: str = ""
    status: int = 200
    body: Body | None = None
    query: type | None = None
    more_query: bool = False
    """Whether every catalogue field is a query parameter too."""
    errors: dict[int, str] = field(default_factory=dict)
    media_type: str = "application/json"


def said(doc: Doc) -> dict[str, Doc]:
    """For a route's `opt`."""
    return {"doc": doc}
