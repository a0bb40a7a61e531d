"""Many events of a busy shop and of one hot key, while instances are killed again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks._apps.pulse import app
from engines.kafka import Kafka
from engines.kafka_streams import KafkaStreams
from tests.batches import batch_of
from tests.model import Event
from tests.streamed import Streamed
from tests.streams import shopping

from afresh.features.canonical import canonical
from afresh.features.engines.embedded import State
from afresh.features.engines.rows.facts import canonical as of_rows
from afresh.features.engines.rows.reading import FactReader

PLAN = app.plan()

PATIENCE_S = 300.0

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]


def folded(events: Iterable[Event]) -> bytes:
    state = State(PLAN)
    state.fold(batch_of(PLAN, list(dict.fromkeys(events))))
    return canonical(state)


def on_one_key(n: int) -> list[Event]:
    """Everybody looks at one item."""
    return [replace(event, item="hot") for event in shopping(n)]


@pytest.mark.parametrize(("make", "n", "kills"), [(shopping, 20_000, 4), (on_one_key, 10_000, 1)])
def test_kills_in_the_middle_leave_no_trace(
    kafka: Kafka,
    runner_built: None,
    tmp_path: Path,
    make: Callable[[int], Iterable[Event]],
    n: int,
    kills: int,
) -> None:
    """Two instances; one of them, in turn, is killed while it works, and started again."""
    events = list(make(n))
    wanted = folded(events)
    running = Streamed(kafka, PLAN, tmp_path)
    running.send(events)
    instances = [running.start(), running.start()]
    reader = FactReader(running.address, running.topics.facts)
    for at in range(kills):
        read = len(set(events)) * (at + 1) // (kills + 2)
        until(lambda read=read: reader.read().events >= read, instances)
        instances[at % 2].kill()
        instances[at % 2].start()
    assert reader.read().events < len(set(events))  # all were killed at work
    until(lambda: of_rows(PLAN, reader.read()) == wanted, instances)
    assert reader.table.refused == 0
    reader.close()
    running.stop()


def until(true: Callable[[], bool], instances: list[KafkaStreams]) -> None:
    late = time.monotonic() + PATIENCE_S
    while not true():
        for instance in instances:
            instance.check()
        assert time.monotonic() < late
        time.sleep(0.2)
