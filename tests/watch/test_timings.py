"""Histograms as Prometheus reads them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from afresh.watch.timings import SECONDS, Timings


def read(timings: Timings) -> dict[tuple[str, str], float]:
    registry = CollectorRegistry()
    registry.register(timings)
    text = generate_latest(registry).decode()
    (family,) = text_string_to_metric_families(text)
    assert family.type == "histogram"
    return {(s.name.removeprefix("took_"), s.labels.get("le", "")): s.value for s in family.samples}


def test_a_bound_belongs_to_its_bucket_and_buckets_add_up() -> None:
    timings = Timings("took", "How long.", ["route"])
    for seconds in (0.0001, 0.001, 0.0011, 10.0, 11.0):
        timings.of("/a")(seconds)
    found = read(timings)
    below = [found["bucket", str(bound)] for bound in SECONDS]
    assert below == [1, 2, *[3] * (len(SECONDS) - 3), 4]
    assert found["bucket", "+Inf"] == found["count", ""] == 5
    assert abs(found["sum", ""] - 21.0022) < 1e-9
