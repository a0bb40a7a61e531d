"""`GET /metrics`: what Prometheus reads. One registry a server, none global."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from litestar import get
from litestar.types import ASGIApp
from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from afresh.serve import create_app
from afresh.serve.body import Connection
from afresh.serve.described import Doc, said
from afresh.serve.gate import Gate
from afresh.serve.reply import Reply
from afresh.serve.stored import create_store_app
from afresh.service import Service
from afresh.settings import Settings
from afresh.store.writing import Counts
from afresh.stored_answers import StoredAnswers
from afresh.watch.timings import Timings
from afresh.watch.vectors import searched, written

_CONTENT_TYPE = (b"content-type", CONTENT_TYPE_PLAIN_0_0_4.encode())
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"})


class Metrics:
    """The server's observer, and the collector of what the runtime counts."""

    def __init__(self, ready: Callable[[], tuple[bool, str]], *collectors: Collector) -> None:
        self.registry = CollectorRegistry()
        self._requests = Timings(
            "afresh_http_request_seconds",
            "How long requests took, from the first header read to the last byte handed over.",
            ["method", "route", "status"],
        )
        self._freshness = Timings(
            "afresh_answer_freshness_seconds",
            "How long the newest events took into the state that an answer was made from.",
        )
        self.registry.register(self._requests)
        self.registry.register(self._freshness)
        self._fresh = self._freshness.of()
        self._up = Gauge(
            "afresh_ready",
            "1 when events can be taken and answers follow the log.",
            registry=self.registry,
        )
        self._up.set_function(lambda: float(ready()[0]))
        for collector in collectors:
            self.registry.register(collector)
        ProcessCollector(registry=self.registry)
        self.page: Callable[[], Awaitable[bytes]] = self._own
        """Makes the page; of several processes, by asking them all."""
        self._children: dict[tuple[str, str, int], Callable[[float], None]] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request under its route's template."""
        child = self._children.get((method, route, status))
        if child is None:
            shown = re.sub(r"\{(\w+):\w+\}", r"{\1}", route) or "none"
            verb = method if method in _METHODS else "other"
            child = self._requests.of(verb, shown, str(status))
            if len(self._children) < 1000:
                self._children[(method, route, status)] = child
        child(seconds)

    def answer(self, freshness_seconds: float) -> None:
        """Count an answer."""
        self._fresh(freshness_seconds)

    async def _own(self) -> bytes:
        return generate_latest(self.registry)

    def listens(self, count: Callable[[], int]) -> None:
        """Show how many lists are open."""
        Gauge("afresh_live_listeners", "Open lists.", registry=self.registry).set_function(count)

    def route(self) -> Any:
        """The route handler of `/metrics`."""

        @get(
            "/metrics",
            opt=said(
                Doc("Metrics for Prometheus", "Operation", media_type="text/plain; version=0.0.4")
            ),
        )
        async def get_metrics(request: Connection) -> ASGIApp:
            """The text format of Prometheus."""
            return Reply(await self.page(), 200, _CONTENT_TYPE)

        return get_metrics


class Counted(Collector):
    """Reads the runtime's own counts when somebody asks, so that counting costs nothing."""

    def __init__(self, runtime: Service) -> None:
        self._runtime = runtime

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        s = self._runtime.stats()
        events = CounterMetricFamily(
            "afresh_events_total", "Events and item records by verdict.", labels=["verdict"]
        )
        for verdict in ("accepted", "duplicates"):
            events.add_metric([verdict.removesuffix("s")], s[verdict])
        events.add_metric(["rejected"], sum(s["rejected"].values()))
        yield events
        rejected = CounterMetricFamily(
            "afresh_rejected_total", "Rejected events and records by code.", labels=["code"]
        )
        for code, count in sorted(s["rejected"].items()):
            rejected.add_metric([code], count)
        yield rejected
        left_out = CounterMetricFamily(
            "afresh_left_out_total", "Parts that an answer had to leave out.", labels=["part"]
        )
        for part, count in sorted(s["left_out"].items()):
            left_out.add_metric([part], count)
        yield left_out
        yield CounterMetricFamily(
            "afresh_late_events_total", "Events put into the late stream.", value=s["late"]
        )
        yield CounterMetricFamily(
            "afresh_copies_total",
            "Events that stood twice in a shared log, of which the first counts.",
            value=s["copies"],
        )
        yield CounterMetricFamily("afresh_commits_total", "Commits to the log.", value=s["commits"])
        yield GaugeMetricFamily(
            "afresh_queue_events", "Events waiting to be written.", value=s["queue_depth"]
        )
        yield GaugeMetricFamily(
            "afresh_fold_lag_records", "Records in the log, not yet folded.", value=s["fold_lag"]
        )
        yield GaugeMetricFamily(
            "afresh_fold_seconds", "How long the last fold took.", value=s["fold_seconds"]
        )
        yield GaugeMetricFamily("afresh_log_bytes", "The size of the log.", value=s["log_bytes"])
        yield GaugeMetricFamily("afresh_log_records", "Records in the log.", value=s["log_records"])
        yield GaugeMetricFamily(
            "afresh_state_bytes", "The size of the folded state.", value=s["state_bytes"]
        )
        yield GaugeMetricFamily("afresh_items", "Items in the catalogue.", value=s["items"])
        yield GaugeMetricFamily(
            "afresh_newest_event_timestamp_seconds",
            "The greatest event time folded (F), since 1970.",
            value=s["newest_timestamp"],
        )
        if s["store"] is not None:
            yield from _stored(s["store"])
        if s["vectors_searched"] is not None:
            yield from searched(s["vectors_searched"])
        if s["vectors_written"] is not None:
            yield from written(s["vectors_written"])
        done, total = s["backfill"]
        yield GaugeMetricFamily(
            "afresh_backfill_records",
            "Records of the log to be folded for a changed definition; 0 when nothing warms.",
            value=total,
        )
        yield GaugeMetricFamily(
            "afresh_backfill_done_records", "Those of them that are folded.", value=done
        )
        if s["snapshot_age"] is not None:
            yield GaugeMetricFamily(
                "afresh_snapshot_age_seconds",
                "How long ago the last snapshot was taken.",
                value=s["snapshot_age"],
            )
        if s["vectors_age"] is not None:
            yield GaugeMetricFamily(
                "afresh_vectors_age_seconds",
                "How long ago the item vectors in use were learned from visits.",
                value=s["vectors_age"],
            )


def _stored(counts: Counts) -> Iterator[Metric]:
    """How writing into the store goes."""
    values = CounterMetricFamily(
        "afresh_store_values_total",
        "Entity values written into the store, or refused for a newer one there.",
        labels=["outcome"],
    )
    values.add_metric(["written"], counts.written)
    values.add_metric(["refused"], counts.refused)
    yield values
    yield GaugeMetricFamily(
        "afresh_store_waiting_entities",
        "Entities that wait to be written into the store.",
        value=counts.waiting,
    )
    yield GaugeMetricFamily(
        "afresh_store_behind_records",
        "Records folded that the store does not reflect yet.",
        value=counts.behind,
    )
    yield GaugeMetricFamily(
        "afresh_store_ready",
        "1 when the store holds all it should and can be written.",
        value=float(counts.ready),
    )


def observed_app(runtime: Service, settings: Settings, extra_routes: Sequence[Any] = ()) -> Gate:
    """`create_app` with metrics: what `afresh serve` and `afresh demo` run."""
    metrics = Metrics(runtime.ready, Counted(runtime))
    return create_app(runtime, settings, [metrics.route(), *extra_routes], metrics)


def observed_store_app(answers: StoredAnswers, settings: Settings, *collectors: Collector) -> Gate:
    """The same for a server that answers from a store: what `afresh serve --store-only` runs."""
    metrics = Metrics(answers.was_ready, *collectors)
    return create_store_app(answers, settings, [metrics.route()], metrics)
