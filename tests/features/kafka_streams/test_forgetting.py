"""State is forgotten by event time, and ids by the brokers' clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from engines.kafka import Kafka
from msgspec.structs import replace
from tests.everything import app
from tests.facts_made import PATIENCE_S
from tests.model import Event
from tests.streamed import Streamed
from tests.streams import HOUR, NOON

from afresh.features.engines.rows.facts import FactTable
from afresh.features.engines.rows.reading import FactReader

PLAN = app.plan()
DAY, STATE_MS = 24 * HOUR, 10 * HOUR
WALKS_S = 4.0
"""Long enough for a walk over a store of a few rows, which begins each second."""

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(300)]


def view(at: int, ts: int, name: str) -> Event:
    return Event(f"e{at}", "view", ts, name, name, name, {"price": 5})


def atom(table: FactTable, item: str, tile: int) -> int:
    """How many views of an item a day's tile counts."""
    atoms = table.tiles.get(("item_id/86400000", item), {}).get((tile, ""), {})
    return sum(row["n"] for (kind, said), row in atoms.items() if kind == "view" and not said)


def until(true: Callable[[], bool]) -> None:
    late = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < late
        time.sleep(0.1)


def test_what_nothing_can_be_added_to_is_forgotten(
    kafka: Kafka, runner_built: None, tmp_path: Path
) -> None:
    running = Streamed(kafka, PLAN, tmp_path)
    short = replace(running.document(), state_ms=STATE_MS)
    reader = FactReader(running.address, running.topics.facts)
    instance = running.start(short)
    day, later = NOON // DAY, (NOON + 40 * HOUR) // DAY
    running.send([view(1, NOON, "a"), view(2, NOON, "a")])
    running.send([view(3, NOON + 9 * HOUR, "a"), view(4, NOON, "a")])  # late, and counted
    until(lambda: atom(reader.read(), "a", day) == 4)
    running.send([view(5, NOON + 40 * HOUR, "a")])
    until(lambda: atom(reader.read(), "a", later) == 1)
    time.sleep(WALKS_S)
    running.send([view(6, NOON, "a")])  # adds to nothing any more
    until(lambda: reader.read().events == 6)
    time.sleep(1)
    assert atom(reader.read(), "a", day) == 4
    instance.stop()
    # A runner that would still add to it begins at one: what it had counted is gone.
    running.start(replace(short, state_ms=1000 * HOUR))
    running.send([view(7, NOON, "a")])
    until(lambda: reader.read().refused > 0)
    assert atom(reader.read(), "a", day) == 4
    reader.close()
    running.stop()


def test_ids_are_forgotten_when_no_copy_can_come(
    kafka: Kafka, runner_built: None, tmp_path: Path
) -> None:
    running = Streamed(kafka, PLAN, tmp_path)
    running.start(replace(running.document(), ids_ms=2_000))
    reader = FactReader(running.address, running.topics.facts)
    running.send([view(1, NOON, "a"), view(1, NOON, "a")])
    until(lambda: reader.read().events == 1)
    time.sleep(3)
    running.send([view(2, NOON, "a")])  # the clock of the partition goes on
    until(lambda: reader.read().events == 2)
    time.sleep(WALKS_S)
    running.send([view(1, NOON, "a")])
    until(lambda: reader.read().events == 3)
    reader.close()
    running.stop()
