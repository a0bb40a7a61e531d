"""One Flink for all tests; each takes topics and a job of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from engines import EngineError
from engines.flink import Flink
from engines.kafka import Kafka
from tests.batches import batch_of
from tests.conftest import missing_engine
from tests.everything import app
from tests.flinked import Flinked
from tests.model import Event, Model
from tests.streams import stream

from afresh.features.engines.embedded import State


@pytest.fixture(scope="session")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flink]:
    try:
        started = Flink(tmp_path_factory.mktemp("flink"))
    except EngineError as error:
        missing_engine("Flink", str(error))
    yield started
    started.stop()


class Everything(NamedTuple):
    """A job that has read the stream of `streams.py`, and what is to come of it: the events that
    count, the model's canonical form, and the embedded engine's state."""

    running: Flinked
    counted: list[Event]
    wanted: bytes
    found: bytes
    state: State


@pytest.fixture(scope="session")
def everything(kafka: Kafka, flink: Flink) -> Iterator[Everything]:
    plan = app.plan()
    delivered, counted = stream()
    wanted = Model(plan, counted).canonical()
    state = State(plan)
    state.fold(batch_of(plan, counted))
    running = Flinked(kafka, flink, plan)
    running.send(delivered)
    running.submit()
    yield Everything(running, counted, wanted, running.facts(wanted), state)
    running.stop()
