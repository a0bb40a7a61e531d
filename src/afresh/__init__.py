"""Recommendations, made afresh after every event."""

from afresh.app import App
from afresh.catalog import Catalog
from afresh.events.types import bands, decimal
from afresh.features.aggregates import count, last, maximum, mean, minimum, ratio, total, variance
from afresh.features.definition import Features
from afresh.features.window_declaration import daily, decayed, session, sliding, tumbling
from afresh.surface_spec import available, seen, sessions, similar, trending

__all__ = [
    "App",
    "Catalog",
    "Features",
    "available",
    "bands",
    "count",
    "daily",
    "decayed",
    "decimal",
    "last",
    "maximum",
    "mean",
    "minimum",
    "ratio",
    "seen",
    "session",
    "sessions",
    "similar",
    "sliding",
    "total",
    "trending",
    "tumbling",
    "variance",
]
