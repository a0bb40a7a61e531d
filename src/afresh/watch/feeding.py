"""What a feeder counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from afresh.feed.feeding import Feeding


class Fed(Collector):
    """Reads a feeder's own counts when somebody asks."""

    def __init__(self, feeding: Feeding) -> None:
        self._feeding = feeding

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        counts = self._feeding.counts()
        rows = CounterMetricFamily(
            "afresh_feed_rows_total",
            "Rows of facts by what became of them: taken, known (no news), refused (they knew of "
            "fewer events than before), unread.",
            labels=["verdict"],
        )
        for verdict in ("taken", "known", "refused", "unread"):
            rows.add_metric([verdict], getattr(counts, verdict))
        yield rows
        yield CounterMetricFamily(
            "afresh_feed_values_total", "Entity values written by the feeder.", value=counts.written
        )
        yield GaugeMetricFamily(
            "afresh_feed_behind_rows",
            "Rows in this feeder's partitions of the facts that are not in the store.",
            value=counts.behind,
        )
        yield GaugeMetricFamily(
            "afresh_feed_ready",
            "1 when the feeder's last try to write went well.",
            value=float(self._feeding.ready()[0]),
        )
