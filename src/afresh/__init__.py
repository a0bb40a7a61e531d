"""Recommendations, made afresh after every event."""

from typing import TYPE_CHECKING, Any

from afresh.app import App
from afresh.catalog import Catalog
from afresh.events.types import bands, decimal, hour_of_day
from afresh.features.aggregates import (
    count,
    distinct,
    last,
    maximum,
    mean,
    minimum,
    ratio,
    total,
    variance,
)
from afresh.features.definition import Features
from afresh.features.window_declaration import daily, decayed, session, sliding, tumbling
from afresh.surfaces.declare import (
    available,
    because,
    covisits,
    embeddings,
    neighbours,
    newcomers,
    next_item,
    preference,
    repeats,
    rising,
    seen,
    sessions,
    similar,
    text,
    thompson,
    trending,
    trending_in,
    two_hops,
)

if TYPE_CHECKING:
    from afresh.client import AsyncClient as AsyncClient
    from afresh.client import Client as Client

__all__ = [
    "App",
    "Catalog",
    "Features",
    "available",
    "bands",
    "because",
    "count",
    "covisits",
    "daily",
    "decayed",
    "decimal",
    "distinct",
    "embeddings",
    "hour_of_day",
    "last",
    "maximum",
    "mean",
    "minimum",
    "neighbours",
    "newcomers",
    "next_item",
    "preference",
    "ratio",
    "repeats",
    "rising",
    "seen",
    "session",
    "sessions",
    "similar",
    "sliding",
    "text",
    "thompson",
    "total",
    "trending",
    "trending_in",
    "tumbling",
    "two_hops",
    "variance",
]


def __getattr__(name: str) -> Any:
    """The client is imported when it is asked for: a definition does without."""
    if name in ("Client", "AsyncClient"):
        from afresh import client

        return getattr(client, name)
    raise AttributeError(f"module 'afresh' has no attribute {name!r}")
