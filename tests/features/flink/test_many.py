"""A million events: the facts are those of the embedded engine."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from benchmarks._apps.pulse import app
from engines import EngineError
from engines.flink import Flink
from engines.kafka import Kafka
from tests.batches import batch_of
from tests.conftest import missing_engine
from tests.flinked import Flinked
from tests.streams import shopping

from afresh.features.canonical import canonical
from afresh.features.engines.embedded import State

PLAN = app.plan()
N, PORTION = 1_000_000, 20_000
HEAP_MB = 6_144
"""Ids and lists of a million events are on the heap: with 1 GB Flink does nothing but collect."""

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(7200)]


@pytest.fixture
def large_flink(tmp_path: Path) -> Iterator[Flink]:
    try:
        started = Flink(tmp_path, heap_mb=HEAP_MB)
    except EngineError as error:
        missing_engine("Flink", str(error))
    yield started
    started.stop()


def test_a_million_events(kafka: Kafka, large_flink: Flink) -> None:
    state, running = State(PLAN), Flinked(kafka, large_flink, PLAN)
    running.patience_s = 3600.0
    running.submit()
    events, known = shopping(N), set[str]()
    while portion := list(islice(events, PORTION)):
        running.send(portion)
        new = [e for e in dict.fromkeys(portion) if e.id not in known]
        known.update(e.id for e in new)
        state.fold(batch_of(PLAN, new))
    wanted = canonical(state)
    assert running.facts(wanted) == wanted
    running.stop()
