"""Snapshots: what was written comes back, and nothing else ever does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afresh.errors import CorruptData
from afresh.store.snapshot import Header, newest_snapshots, read_snapshot, set_aside, write_snapshot

ARRAYS = {
    "a": np.arange(7, dtype=np.int64),
    "b": np.array([[1, 2], [3, 4]], np.uint8),
    "c": np.empty((0, 3), np.int32),
    "d": np.array([True, False]),
    "e": np.array([0.1, np.nan]),
}


def written(folder: Path, offset: int = 5) -> Path:
    return write_snapshot(folder, Header("plan", "log", offset, {"newest": 9}), dict(ARRAYS))


def test_it_comes_back(tmp_path: Path) -> None:
    header, arrays = read_snapshot(written(tmp_path))
    assert (header.plan, header.log, header.offset) == ("plan", "log", 5)
    assert header.facts == {"newest": 9}
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_the_two_newest_stay(tmp_path: Path) -> None:
    for offset in (1, 30, 200):
        written(tmp_path, offset)
    assert [int(path.stem) for path in newest_snapshots(tmp_path)] == [200, 30]
    aside = set_aside(next(newest_snapshots(tmp_path)))
    assert aside.exists()
    assert [int(path.stem) for path in newest_snapshots(tmp_path)] == [30]


@settings(max_examples=150)
@given(st.data())
def test_any_damage_is_noticed_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = written(tmp_path_factory.mktemp("snapshot"))
    whole = path.read_bytes()
    damaged = bytearray(whole)
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(0, len(whole) - 1)) :]
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(damaged)
    try:
        _, arrays = read_snapshot(path)
    except CorruptData:
        return
    for name, array in ARRAYS.items():  # it was in the padding
        np.testing.assert_array_equal(arrays[name], array)


def test_a_half_written_one_is_never_seen(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.rename(path.with_suffix(".partial"))
    assert list(newest_snapshots(tmp_path)) == []
