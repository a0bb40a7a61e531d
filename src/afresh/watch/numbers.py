"""Metrics of several processes, made into those of one server.

Counters and histograms are sums. Of a gauge the greatest is told, except of those that add up
(SUMMED: memory, files, what waits) and of those that hold for all only if they hold for each
(LEAST).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

SUMMED = frozenset(
    {
        "afresh_live_listeners",
        "afresh_queue_events",
        "afresh_state_bytes",
        "process_open_fds",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
    }
)
LEAST = frozenset({"afresh_ready", "process_start_time_seconds"})


class Sample(msgspec.Struct, array_like=True):
    """One series and its value."""

    name: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, array_like=True):
    """Series of one metric. type: as Prometheus names it."""

    name: str
    said: str
    type: str
    samples: list[Sample]

    @property
    def adds_up(self) -> bool:
        """Whether it only ever grows in a process, so that sums go on over its death."""
        return self.type in ("counter", "histogram")


_decoder = msgspec.msgpack.Decoder(list[Family])


def families(metrics: Iterable[Metric]) -> list[Family]:
    """Metrics as they were collected."""
    return [
        Family(
            metric.name,
            metric.documentation,
            metric.type,
            [Sample(s.name, dict(s.labels), s.value) for s in metric.samples],
        )
        for metric in metrics
    ]


def encoded(found: list[Family]) -> bytes:
    return msgspec.msgpack.encode(found)


def decoded(data: bytes) -> list[Family]:
    """Families from their bytes; none from none."""
    return _decoder.decode(data) if data else []


def together(parts: Sequence[Iterable[Family]]) -> list[Family]:
    """The families of one server, from those of each of its processes."""
    made: dict[str, Family] = {}
    values: dict[tuple[str, str, tuple[tuple[str, str], ...]], Sample] = {}
    for part in parts:
        for family in part:
            kept = made.setdefault(family.name, Family(family.name, family.said, family.type, []))
            for sample in family.samples:
                key = (family.name, sample.name, tuple(sorted(sample.labels.items())))
                held = values.get(key)
                if held is None:
                    values[key] = held = Sample(sample.name, sample.labels, sample.value)
                    kept.samples.append(held)
                elif family.adds_up or family.name in SUMMED:
                    held.value += sample.value
                elif family.name in LEAST:
                    held.value = min(held.value, sample.value)
                else:
                    held.value = max(held.value, sample.value)
    return list(made.values())


class Told(Collector):
    """A collector of families."""

    def __init__(self, found: list[Family]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        for family in self._found:
            metric = Metric(family.name, family.said, family.type)
            for sample in family.samples:
                metric.add_sample(sample.name, sample.labels, sample.value)
            yield metric
