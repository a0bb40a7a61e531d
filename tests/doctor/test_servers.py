"""Servers that do not run, run other definitions, or have other clocks."""

from __future__ import annotations

from pathlib import Path

import pytest
from engines import free_port
from tests.everything import app as everything
from tests.serve.conftest import SHOP, serving

from afresh.doctor import servers
from afresh.doctor.servers import examine
from afresh.loading import load


def test_two_servers_of_one_definition(tmp_path: Path) -> None:
    with serving(tmp_path / "a") as one, serving(tmp_path / "b") as two:
        found = list(examine([one.url, two.url], load(SHOP).plan()))
    assert {f.state for f in found} == {"ok"}
    assert sum(f.subject == "clocks" for f in found) == 2


def test_another_definition_and_a_server_that_is_not_there(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with serving(tmp_path) as one:
        found = list(examine([one.url, nowhere], everything.plan()))
    said = [f.text for f in found if f.state == "error"]
    assert said[0].startswith(f"{nowhere} does not answer")
    assert said[1].startswith("They do not run one definition")


def test_what_is_no_server_of_ours(tmp_path: Path) -> None:
    with serving(tmp_path) as one:
        (found,) = examine([f"{one.url}/v1"], None)
    assert (found.state, "does not answer" in found.text) == ("error", True)


def test_another_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path) as one:
        asked = servers._asked
        monkeypatch.setattr(
            servers,
            "_asked",
            lambda *given: {
                name: value - 60_000 if name == "clock" else value
                for name, value in asked(*given).items()
            },
        )
        (found,) = [f for f in examine([one.url], None) if f.subject == "clocks"]
    assert (found.state, "60.0 s behind" in found.text) == ("error", True)
