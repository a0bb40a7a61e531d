"""Each examination finds what it looks for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from engines import free_port
from tests.valkey_server import Server

from afresh.doctor import Finding
from afresh.doctor.examining import examine
from afresh.log.sqlite_file import lock
from afresh.serve.server import bind
from afresh.settings import Settings


def find(subject: str, **given: Path) -> Finding:
    return next(found for found in examine(**given) if found.subject == subject)


def test_a_sound_machine(tmp_path: Path) -> None:
    assert not [f for f in examine(data=tmp_path) if f.state == "error"]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_a_server_holds(tmp_path: Path) -> None:
    held = lock(tmp_path)
    try:
        assert find("folder", data=tmp_path).state == "warning"
    finally:
        os.close(held)
    assert find("folder", data=tmp_path).state == "ok"


def test_a_taken_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with bind(Settings(port=0)) as taken:
        taken.listen()
        monkeypatch.setenv("AFRESH_PORT", str(taken.getsockname()[1]))
        found = find("port", data=tmp_path)
    assert (found.state, found.hint) == ("warning", "Take another with --port.")


def test_an_open_address_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFRESH_HOST", "0.0.0.0")
    assert find("port", data=tmp_path).state == "error"


@pytest.mark.engine
def test_a_store_that_answers_and_one_that_does_not(
    valkey: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AFRESH_STORE_TIMEOUT", "20s")
    monkeypatch.setenv("AFRESH_STORE", valkey.url)
    assert find("store", data=tmp_path).state == "ok"
    monkeypatch.setenv("AFRESH_STORE", f"redis://127.0.0.1:{free_port()}/0")
    found = find("store", data=tmp_path)
    assert (found.state, "store_timeout" in found.hint) == ("error", True)


def test_wrong_settings_end_the_examination(tmp_path: Path) -> None:
    (tmp_path / "afresh.toml").write_text("prot = 1\n")
    found = list(examine(tmp_path / "app.py", tmp_path))
    assert (found[-1].subject, found[-1].state) == ("settings", "error")


def test_a_definition_with_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("from afresh import App\n\napp = Ap('x')\n")
    found = find("definition", app=file, data=tmp_path)
    assert found.state == "error"
    assert "app.py:3" in found.text
