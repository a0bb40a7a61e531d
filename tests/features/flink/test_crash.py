"""A process of tasks dies in the middle; the facts are those of a run without a crash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import EngineError
from engines.flink import Flink
from engines.kafka import Kafka
from tests.conftest import missing_engine
from tests.everything import app
from tests.flinked import Flinked
from tests.model import Model
from tests.streams import stream

PLAN = app.plan()

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Flink]:
    """A process each for jobs, tasks and the gateway."""
    try:
        started = Flink(tmp_path / "cluster", cluster=True)
    except EngineError as error:
        missing_engine("Flink", str(error))
    yield started
    started.stop()


def test_a_killed_task_manager_leaves_no_trace(kafka: Kafka, cluster: Flink) -> None:
    delivered, counted = stream(40, 2)
    wanted = Model(PLAN, counted).canonical()
    running = Flinked(kafka, cluster, PLAN)
    half = len(delivered) // 2
    running.send(delivered[:half])
    running.submit()
    running.until(lambda facts: facts.count(b"\n") > 50)
    cluster.kill("tasks")
    running.send(delivered[half:])
    cluster.start_role("tasks")
    found = running.facts(wanted)
    assert found == wanted
    running.stop()
