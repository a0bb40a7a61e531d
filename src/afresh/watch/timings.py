"""Histograms of durations that cost a request one bisection and two additions.

prometheus-client's own take a lock and several calls an observation. Here one thread counts, and
the buckets are summed up only when somebody reads the metrics.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets; one more takes the rest."""


class Timings(Collector):
    """Durations by labels; observed by one thread, read by any."""

    def __init__(self, name: str, said: str, labels: Sequence[str] = ()) -> None:
        self._name, self._said, self._labels = name, said, list(labels)
        self._kept: dict[tuple[str, ...], tuple[list[int], list[float]]] = {}

    def of(self, *labels: str) -> Callable[[float], None]:
        """The function that takes durations, in seconds, with these labels."""
        counts, total = self._kept.setdefault(labels, ([0] * (len(SECONDS) + 1), [0.0]))

        def observe(seconds: float) -> None:
            counts[bisect_left(SECONDS, seconds)] += 1
            total[0] += seconds

        return observe

    def describe(self) -> Iterator[Metric]:
        yield HistogramMetricFamily(self._name, self._said, labels=self._labels)

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._said, labels=self._labels)
        bounds = [*map(str, SECONDS), "+Inf"]
        for labels, (counts, total) in list(self._kept.items()):
            below, buckets = 0, []
            for bound, count in zip(bounds, list(counts), strict=True):
                below += count
                buckets.append((bound, float(below)))
            family.add_metric(list(labels), buckets=buckets, sum_value=total[0])
        yield family
