"""Many events of a busy shop and of one hot key, while instances are killed again and again."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks._apps.pulse import app
from engines.kafka import Kafka
from tests.batches import batch_of
from tests.facts_made import difference
from tests.model import Event
from tests.streamed import Streamed
from tests.streams import shopping

from afresh.features.canonical import canonical
from afresh.features.engines.embedded import State
from afresh.features.engines.rows.facts import canonical as of_rows
from afresh.features.engines.rows.reading import FactReader

PLAN = app.plan()

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(900)]


def folded(events: Iterable[Event]) -> bytes:
    state = State(PLAN)
    state.fold(batch_of(PLAN, list(dict.fromkeys(events))))
    return canonical(state)


def on_one_key(n: int) -> list[Event]:
    """Everybody looks at one item."""
    return [replace(event, item="hot") for event in shopping(n)]


@pytest.mark.parametrize(("make", "n", "kills"), [(shopping, 40_000, 6), (on_one_key, 20_000, 1)])
def test_kills_in_the_middle_leave_no_trace(
    kafka: Kafka, runner_built: None, tmp_path: Path, make: object, n: int, kills: int
) -> None:
    """Two instances; one of them, in turn, is killed while it works, and started again."""
    assert callable(make)
    events = list(make(n))
    wanted = folded(events)
    running, dice = Streamed(kafka, PLAN, tmp_path), random.Random(3)
    running.send(events)
    instances = [running.start(), running.start()]
    reader = FactReader(running.address, running.topics.facts)
    seen = []
    for at in range(kills):
        time.sleep(3 + 2 * dice.random())
        seen.append(reader.read().events)
        instances[at % 2].kill()
        instances[at % 2].start()
    assert any(0 < count < len(set(events)) for count in seen), seen  # it was in the middle
    late = time.monotonic() + 300
    while (found := of_rows(PLAN, reader.read())) != wanted and time.monotonic() < late:
        for instance in instances:
            instance.check()
        time.sleep(1)
    assert not difference(found, wanted)
    assert reader.table.refused == 0
    reader.close()
    running.stop()
