from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from afresh.demo.dataset import Tables
from afresh.demo.folder import DemoFolder, Marker
from afresh.demo.prepare import prepare
from afresh.errors import BadRequest


def ready(folder: DemoFolder, tables: Tables) -> Marker:
    folder.clear()
    marker = folder.write(prepare(tables, 1_800_000_000_000))
    folder.data.mkdir()
    marker.ready = True
    folder.mark(marker)
    return marker


def test_a_finished_start_is_found_again(tmp_path: Path, tables: Tables) -> None:
    folder = DemoFolder(tmp_path / "demo")
    assert folder.state() is None
    marker = ready(folder, tables)
    assert folder.state() == marker
    assert marker.events == tables.transactions.height == pl.read_parquet(folder.events).height


def test_a_start_that_was_cut_off_begins_again(tmp_path: Path, tables: Tables) -> None:
    folder = DemoFolder(tmp_path)
    folder.clear()
    folder.mark(folder.write(prepare(tables, 1_800_000_000_000)))
    assert folder.state() is None


@pytest.mark.parametrize("lost", ["households.json", "data", "demo.json"])
def test_a_folder_without_all_its_parts_is_not_reused(
    tmp_path: Path, tables: Tables, lost: str
) -> None:
    folder = DemoFolder(tmp_path / "demo")
    ready(folder, tables)
    target = folder.path / lost
    if target.is_dir():
        target.rmdir()
    elif lost == "demo.json":
        target.write_bytes(b"{")
    else:
        target.unlink()
    assert folder.state() is None


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("mine")
    with pytest.raises(BadRequest, match="something else"):
        DemoFolder(tmp_path).state()
    with pytest.raises(BadRequest, match="--data"):
        DemoFolder(tmp_path).clear()
    assert [p.name for p in tmp_path.iterdir()] == ["note.txt"]


def test_clearing_takes_only_what_the_demo_made(tmp_path: Path, tables: Tables) -> None:
    folder = DemoFolder(tmp_path)
    ready(folder, tables)
    (folder.data / "log.sqlite").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("added later")
    folder.clear()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["demo.json", "notes.txt"]
