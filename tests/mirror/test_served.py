"""Whole servers over topics: killed, with workers, looked into from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from engines import free_port
from tests.mirrored import Mirrored, until, until_equal
from tests.model import Model
from tests.opened import event, logged
from typer.testing import CliRunner

from afresh.cli import app as cli

DEFINITION = Path(__file__).parents[1] / "everything.py"


@contextmanager
def served(mirrored: Mirrored, name: str, *more: str) -> Iterator[tuple[httpx.Client, int]]:
    port = free_port()
    told = ["serve", str(DEFINITION), "--port", str(port), "--data", str(mirrored.folder / name)]
    process = subprocess.Popen(
        [sys.executable, "-m", "afresh.cli", *told, "--log", mirrored.settings.log, *more],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            until(lambda: _up(client, process), 60)
            yield client, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert process.stderr is not None
        process.stderr.close()


def _up(client: httpx.Client, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        assert process.stderr is not None
        raise AssertionError(process.stderr.read().decode()[-2000:])
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_killed_server_loses_nothing_acknowledged(mirrored: Mirrored) -> None:
    kept: list[str] = []
    with served(mirrored, "one") as (client, pid):
        for at in range(200):
            said = [event(event_id=f"{at}-{i}", user_id=f"u{i}") for i in range(5)]
            if at == 150:
                os.kill(pid, signal.SIGKILL)
            try:
                answer = client.post("/v1/events", json=said).json()
            except httpx.TransportError:
                break
            assert answer["accepted"] == 5
            kept += [e["event_id"] for e in said]
    assert len(kept) >= 750
    one, two = mirrored("one"), mirrored("two")
    state = until_equal(one, two)
    for server in (one, two):
        assert set(kept) <= {e.id for e in logged(server)}
        assert state == Model(server.plan, logged(server)).canonical()


def test_workers_share_the_mirror(mirrored: Mirrored) -> None:
    with served(mirrored, "one", "--workers", "2") as (client, _):
        elsewhere = mirrored("two")
        for at in range(20):
            with httpx.Client(base_url=client.base_url, timeout=20) as fresh:  # the next worker
                said = event(user_id="u", item_id=f"i{at}", event_id=f"e{at}")
                token = fresh.post("/v1/events", json=said).json()["offset"]
            with httpx.Client(base_url=client.base_url, timeout=20) as fresh:
                asked = {"surface": "home", "user_id": "v", "after": token}
                assert fresh.post("/v1/recommend", json=asked).json()["fresh"] is True
        until(lambda: elsewhere.replica.state.events == 20)


def _run(*told: str) -> Any:
    result = CliRunner().invoke(cli, [*told, "--json"])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


@pytest.mark.parametrize("shared", [True, False])
def test_a_log_is_looked_into(mirrored: Mirrored, shared: bool) -> None:
    one = mirrored("one")
    where = ["--log", mirrored.settings.log] if shared else ["--data", str(mirrored.folder / "one")]
    for at in range(12):
        said = event(event_id=f"e{at}", properties={"price": 1.25}, timestamp=_now() - at)
        one.ingest(json.dumps(said).encode())
    one.ingest(json.dumps(event(event_id="old", timestamp=1000)).encode())
    tail = _run("events", "tail", str(DEFINITION), "-n", "3", *where)
    assert [row["event_id"] for row in tail] == ["e9", "e10", "e11"]
    (whole,) = _run("events", "inspect", str(DEFINITION), tail[0]["where"], *where)
    assert whole["event"]["event_id"] == "e9"
    if shared:
        assert whole["key"] == "u:u"
        (late,) = _run("events", "tail", str(DEFINITION), "--late", *where)
        assert late["event_id"] == "old"
    wrong = CliRunner().invoke(cli, ["events", "inspect", str(DEFINITION), "9999", *where])
    assert "no event at" in str(wrong.exception) or "no offset" in str(wrong.exception)
    said = ["lag", str(DEFINITION), "--data", str(mirrored.folder / "one"), *where]
    rows = _run(*said)[0]
    assert len(rows) == (6 if shared else 1)
    assert sum(row["end"] for row in rows) == 12
    if shared:
        assert {row["behind"] for row in rows} == {0}


def _now() -> int:
    return int(time.time() * 1000)
