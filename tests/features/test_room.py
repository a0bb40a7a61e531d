"""A ceiling on memory: where a page lies changes no value."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.events_made import histories
from tests.everything import app
from tests.model import Event

from afresh.features import room as rooms
from afresh.features.canonical import canonical
from afresh.features.dump import dump_state, restore_state
from afresh.features.engines.embedded import State
from afresh.features.room import Room

PLAN = app.plan()

pytestmark = pytest.mark.skipif(not Room.is_possible(), reason="only Linux holds a ceiling")


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Room:
    """Everything lies in files, and all of it is given back whenever it is looked at."""
    monkeypatch.setattr(rooms, "SMALL", 1)
    monkeypatch.setattr(Room, "resident", lambda self: 2)
    return Room(1, tmp_path)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories(), st.data())
def test_a_state_in_files_is_the_state(
    tight: Room, events: list[Event], data: st.DataObject
) -> None:
    state, plain = State(PLAN, tight), State(PLAN)
    for event in events:
        for each in (state, plain):
            each.fold(batch_of(PLAN, [event]))
        tight.give_back()
        if data.draw(st.integers(0, 5)) == 0:
            state.sweep()
    assert canonical(state) == canonical(plain)
    restored = State(PLAN, tight)
    facts, arrays = dump_state(state)
    restore_state(restored, facts, {name: tight.copied(a) for name, a in arrays.items()})
    tight.give_back()
    assert canonical(restored) == canonical(plain)


def test_growing_keeps_what_was_written_and_leaves_no_file(tight: Room, tmp_path: Path) -> None:
    array = tight.empty((3, 2), np.int64)
    array[:] = [[1, 2], [3, 4], [5, 6]]
    for rows in (10, 100_000):
        array = tight.grown(array, rows)
        tight.give_back()
        assert array[:3].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert os.listdir(tmp_path) == []


def test_what_is_given_back_is_not_resident(tmp_path: Path) -> None:
    room = Room(16 << 20, tmp_path)
    array = room.full(8 << 20, 7, np.int64)
    assert room.resident() > 48 << 20
    room.give_back()
    assert room.resident() < 16 << 20
    assert int(array.sum()) == 7 * len(array)


def test_a_full_disk_is_said_and_memory_used(
    tight: Room, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    array = tight.full(1000, 3, np.int64)

    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    grown = tight.grown(array, 100_000)
    assert grown[:1000].tolist() == [3] * 1000
    assert tight.empty(1000, np.int64).base is None
    assert capsys.readouterr().out.count("memory_ceiling_not_held") == 1
