"""Metrics of a server with several workers: whichever is asked tells of all.

Each worker keeps a slate with its numbers, and writes it when it is asked to. What a dead one
counted stays on its slate, and the one in its place goes on from there: a sum never shrinks, which
Prometheus would take for a restart. Lost is what was counted since somebody last asked.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily

from afresh.follow.calls import NoteNumbers
from afresh.follow.peers import Peers
from afresh.watch.numbers import Told, decoded, encoded, families, together
from afresh.watch.slate import Slate

ASKED_S = 1.0
"""How long a worker may take to write its slate; then its gauges are left out."""

_log = structlog.get_logger("afresh.metrics")


class SharedNumbers:
    """The numbers of worker `number`, and how to get those of all."""

    def __init__(
        self, registry: CollectorRegistry, number: int, slates: Sequence[Slate], peers: Peers
    ) -> None:
        self._registry, self._number, self._slates, self._peers = registry, number, slates, peers
        before = decoded(slates[number].read())
        self._before = [family for family in before if family.adds_up]
        """What the workers that died in this place counted."""

    def note(self) -> None:
        """Write this worker's slate."""
        found = together([families(self._registry.collect()), self._before])
        if not self._slates[self._number].write(encoded(found)):
            _log.warning("metrics_too_many", worker=self._number)

    async def page(self) -> bytes:
        """All workers' metrics, as Prometheus reads them."""
        self.note()
        answered = {self._number, *await self._peers.ask_all(NoteNumbers(), ASKED_S)}
        parts = [
            [f for f in decoded(slate.read()) if f.adds_up or number in answered]
            for number, slate in enumerate(self._slates)
        ]
        workers = GaugeMetricFamily(
            "afresh_workers",
            "Processes of this server that gave their numbers, where it has several.",
            value=float(len(answered)),
        )
        registry = CollectorRegistry()
        registry.register(Told(together([*parts, families([workers])])))
        return generate_latest(registry)
