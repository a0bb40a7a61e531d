"""Metrics, from where the source declares them.

Read from the syntax, so that no server has to run and none can be forgotten: a name and a
meaning must be literals where a metric is made.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from page_parts import code, table

import afresh

KINDS = {
    "Counter": "counter",
    "Gauge": "gauge",
    "Histogram": "histogram",
    "Timings": "histogram",  # watch/timings.py
    "Summary": "summary",
    "Info": "info",
    "CounterMetricFamily": "counter",
    "GaugeMetricFamily": "gauge",
}


class Metric(NamedTuple):
    """One family of series."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


def _texts(node: ast.expr | None) -> tuple[str, ...]:
    """The string literals of an expression, in order."""
    found = [] if node is None else ast.walk(node)
    return tuple(n.value for n in found if isinstance(n, ast.Constant) and isinstance(n.value, str))


def declared(path: Path) -> Iterator[Metric]:
    """The metrics that a source file makes."""
    text = path.read_text(encoding="utf-8")
    if "prometheus_client" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or len(node.args) < 2:
            continue
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        name, meaning = _texts(node.args[0]), "".join(_texts(node.args[1]))
        if called not in KINDS or not name:
            continue
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        labels = (
            node.args[2] if len(node.args) > 2 else named.get("labelnames", named.get("labels"))
        )
        kind = KINDS[called]
        suffix = "_total" if kind == "counter" and not name[0].endswith("_total") else ""
        yield Metric(name[0] + suffix, kind, _texts(labels), meaning)


def page() -> str:
    """The page."""
    files = sorted(Path(afresh.__path__[0]).rglob("*.py"))
    metrics = sorted({metric for path in files for metric in declared(path)})
    rows = [(code(m.name), m.kind, ", ".join(map(code, m.labels)), m.meaning) for m in metrics]
    intro = (
        "`GET /metrics` exposes these series in the text format of Prometheus. A histogram has "
        "`_bucket`, `_sum` and `_count`. Times are in seconds, sizes in bytes."
    )
    found = table(("Series", "Kind", "Labels", "Meaning"), rows) if rows else "There are none yet."
    return "\n\n".join(["# Metrics", intro, found])
