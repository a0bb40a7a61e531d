"""Metrics of the vector database: how searching it and writing into it go."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from afresh.vector_writing import Counts
from afresh.vectors.searching import Searched


def searched(counts: Searched) -> Iterator[Metric]:
    """How searching goes."""
    questions = CounterMetricFamily(
        "afresh_vectors_questions_total",
        "Questions to the vector database: answered, remembered from just before, failed, or not "
        "asked as it was resting or busy.",
        labels=["outcome"],
    )
    for outcome in ("answered", "remembered", "failed", "unasked"):
        questions.add_metric([outcome], getattr(counts, outcome))
    yield questions
    yield GaugeMetricFamily(
        "afresh_vectors_searchable",
        "1 when the last search of the vector database went well.",
        value=float(counts.ready),
    )


def written(counts: Counts) -> Iterator[Metric]:
    """How writing goes."""
    yield CounterMetricFamily(
        "afresh_vectors_written_total",
        "Item vectors written into the vector database.",
        value=counts.written,
    )
    yield GaugeMetricFamily(
        "afresh_vectors_waiting_items",
        "Items that wait to be written into the vector database.",
        value=counts.waiting,
    )
    yield GaugeMetricFamily(
        "afresh_vectors_behind_seconds",
        "How long something has been waiting to be written there.",
        value=counts.behind_s,
    )
    yield GaugeMetricFamily(
        "afresh_vectors_writable",
        "1 when the collection that is searched is the one written, and the last write went well.",
        value=float(counts.ready),
    )
