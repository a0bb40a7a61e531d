"""What the page tells somebody to type does what it says, with the real Feast."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from engines import free_port
from engines.feast import feast_environment
from tests.conftest import needs_valkey
from tests.valkey_server import valkey_server

from afresh.new import new

pytestmark = [pytest.mark.engine, pytest.mark.nightly]
PAGE = (Path(__file__).parents[2] / "docs/concepts/feast.md").read_text(encoding="utf-8")


def block(title: str) -> str:
    found = re.search(rf'^```\w+ title="{re.escape(title)}"\n(.*?)^```', PAGE, re.M | re.S)
    assert found, f"no block {title}"
    return found.group(1)


def test_from_a_definition_to_online_and_historical_features(python: Path, tmp_path: Path) -> None:
    needs_valkey()
    shop, programs = tmp_path / "shop", tmp_path / "bin"
    new(shop)
    programs.mkdir()
    for name, command in {
        "feast": f'exec "{python}" "{python.with_name("feast")}" "$@"',
        "afresh": f'exec "{sys.executable}" -m afresh.cli "$@"',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{command}\n")
        (programs / name).chmod(0o755)
    port = free_port()
    commands = block("five commands")
    assert len(commands.splitlines()) == 5
    commands = commands.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    before = "set -e; trap 'kill $!' EXIT\n"
    before += "afresh import app.py --data data --events events.ndjson\n"
    with valkey_server(tmp_path / "valkey") as store:
        settings = block("afresh.toml").replace("redis://127.0.0.1:6379/0", store.url)
        (shop / "afresh.toml").write_text(f"{settings}port = {port}\n")
        typed = subprocess.Popen(
            ["sh", "-c", before + commands + block("and the past")],
            cwd=shop,
            env={**feast_environment(), "PATH": f"{programs}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            shown, _ = typed.communicate(timeout=100)
        finally:
            if typed.poll() is None:
                os.killpg(typed.pid, signal.SIGKILL)  # and the server that it started
    assert typed.returncode == 0, shown
    said = re.search(r"^\{\n.*?^\}", shown, re.M | re.S)
    assert said, shown
    assert json.loads(said[0]) == json.loads(block("what it says"))
    (past,) = json.loads(shown[said.end() :])
    assert past["views_hour"] == 2
