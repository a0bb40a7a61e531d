"""The shop of the examples with all ten scans, text, preference, repeats, trends, newcomers and
the learned blend: what `recommend` measures."""

from __future__ import annotations

from afresh import (
    available,
    neighbours,
    newcomers,
    preference,
    repeats,
    seen,
    text,
    trending,
)
from afresh.loading import load
from benchmarks._machine import SHOP

SOURCES = [
    neighbours(), repeats(), preference(), text(),
    trending("1h"), trending("24h"), trending("7d"), newcomers(),
]  # fmt: skip

app = load(SHOP)
app.surface(
    "everything",
    sources=SOURCES,
    filters=[seen("buy"), available("in_stock")],
    n=20,
    scorer="learned",
    explore=1,
)
