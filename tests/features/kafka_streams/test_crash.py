"""Instances die in the middle, by kill -9; the facts are those of a run without a crash."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines.kafka import Kafka
from engines.kafka_streams import KafkaStreams
from tests.everything import app
from tests.facts_made import PATIENCE_S, difference
from tests.model import Event, Model
from tests.streamed import Streamed
from tests.streams import stream

PLAN = app.plan()

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def running(kafka: Kafka, runner_built: None, tmp_path: Path) -> Iterator[Streamed]:
    made = Streamed(kafka, PLAN, tmp_path)
    yield made
    made.stop()


def told(which: int) -> tuple[list[Event], list[Event], bytes]:
    """A stream in two halves, and what is to come of it."""
    delivered, counted = stream(8, which)
    half = len(delivered) // 2
    return delivered[:half], delivered[half:], Model(PLAN, counted).canonical()


def test_a_killed_instance_goes_on_without_a_trace(running: Streamed) -> None:
    first, second, wanted = told(2)
    running.send(first)
    instance = running.start()
    running.until(lambda facts: facts.count(b"\n") > 50)
    instance.kill()
    running.send(second)
    instance.start()
    assert not difference(running.facts(wanted), wanted)


@pytest.mark.nightly
def test_another_instance_takes_over_from_one_that_was_killed(running: Streamed) -> None:
    first, second, wanted = told(3)
    one, other = running.start(), running.start()
    until_both_work(one, other)
    running.send(first)
    running.until(lambda facts: facts.count(b"\n") > 50)
    one.kill()
    running.send(second)
    assert not difference(running.facts(wanted), wanted)


@pytest.mark.nightly
def test_instances_come_and_go_while_events_come(running: Streamed) -> None:
    """Each leaves or dies in turn; nobody waits for the work of the one before."""
    delivered, counted = stream(40, 4)
    wanted = Model(PLAN, counted).canonical()
    running.start()
    size = len(delivered) // 6
    for at in range(6):
        running.send(delivered[at * size : (at + 1) * size])
        before = running.instances[-1]
        running.start()
        before.kill() if at % 2 else before.stop()
    running.send(delivered[6 * size :])
    assert not difference(running.facts(wanted), wanted)


def until_both_work(*instances: KafkaStreams) -> None:
    """Each holds state of one task at least."""
    late = time.monotonic() + PATIENCE_S
    while not all(any(i.folder.glob("state/*/?_?/rocksdb")) for i in instances):
        for instance in instances:
            instance.check()
        assert time.monotonic() < late
        time.sleep(0.1)
