"""Runners that write facts to Kafka: one of each for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from engines import EngineError
from engines.flink import Flink
from engines.kafka import Kafka
from engines.kafka_streams import build_kafka_streams
from tests.batches import batch_of
from tests.conftest import missing_engine
from tests.everything import app
from tests.flinked import Flinked
from tests.model import Event, Model
from tests.streamed import NO_EVENTS, Streamed
from tests.streams import stream

from afresh.features.engines.embedded import State


@pytest.fixture(scope="session")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flink]:
    """One Flink; each test takes topics and a job of its own."""
    try:
        started = Flink(tmp_path_factory.mktemp("flink"))
    except EngineError as error:
        missing_engine("Flink", str(error))
    yield started
    started.stop()


@pytest.fixture(scope="session")
def runner_built() -> None:
    """The Kafka Streams runner is there, as its sources are now."""
    try:
        build_kafka_streams()
    except EngineError as error:
        missing_engine("The Kafka Streams runner", str(error))


class Everything(NamedTuple):
    """A runner that has read the stream of `streams.py`, and what is to come of it: the events that
    count, the model's canonical form, and the embedded engine's state."""

    running: Flinked | Streamed
    counted: list[Event]
    wanted: bytes
    found: bytes
    state: State


class Told(NamedTuple):
    """The stream, and what is to come of it."""

    delivered: list[Event]
    counted: list[Event]
    wanted: bytes
    state: State


@pytest.fixture(scope="session")
def told() -> Told:
    plan = app.plan()
    delivered, counted = stream()
    state = State(plan)
    state.fold(batch_of(plan, counted))
    return Told(delivered, counted, Model(plan, counted).canonical(), state)


@pytest.fixture(scope="session")
def on_flink(kafka: Kafka, flink: Flink, told: Told) -> Iterator[Everything]:
    running = Flinked(kafka, flink, app.plan())
    running.send(told.delivered)
    running.submit()
    yield Everything(running, told.counted, told.wanted, running.facts(told.wanted), told.state)
    running.stop()


@pytest.fixture(scope="session")
def on_kafka_streams(
    kafka: Kafka, runner_built: None, told: Told, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Everything]:
    running = Streamed(kafka, app.plan(), tmp_path_factory.mktemp("streams"))
    running.write(["u:z"] * len(NO_EVENTS), NO_EVENTS)
    running.send(told.delivered)
    running.start()
    yield Everything(running, told.counted, told.wanted, running.facts(told.wanted), told.state)
    running.stop()


@pytest.fixture(scope="session", params=["flink", "kafka_streams"])
def everything(request: pytest.FixtureRequest, kafka: Kafka) -> Everything:
    made: Everything = request.getfixturevalue(f"on_{request.param}")
    return made
