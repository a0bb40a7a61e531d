"""`afresh new`: what it writes is sound and its test passes; it overwrites nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from afresh.errors import AfreshError
from afresh.loading import check, load
from afresh.new import new


def test_what_it_writes_is_sound_and_its_test_passes(tmp_path: Path) -> None:
    files = new(tmp_path / "my shop")
    app, test, events = files
    assert check(app) == []
    plan = load(app).plan()
    assert plan.app == "my-shop"
    known = {event.name for event in plan.events}
    for line in events.read_text().splitlines():
        assert json.loads(line)["event_type"] in known
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
    run = subprocess.run(command, cwd=app.parent, capture_output=True, text=True)
    assert "2 passed" in run.stdout, run.stdout + run.stderr


@pytest.mark.parametrize("name", ["app.py", "test_app.py", "events.ndjson"])
def test_it_overwrites_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(AfreshError, match="exists already"):
        new(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(AfreshError, match="is a file"):
        new(tmp_path / "x")


@pytest.mark.parametrize(
    ("folder", "name"), [("shop", "shop"), ("7 days", "app-7-days"), ("…", "app")]
)
def test_the_app_is_called_as_its_folder(tmp_path: Path, folder: str, name: str) -> None:
    assert load(new(tmp_path / folder)[0]).plan().app == name
