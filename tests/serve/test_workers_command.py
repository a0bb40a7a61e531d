"""`afresh serve --workers`, as it is typed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.serve.workers_started import ROOT, SHOP, Workers, view

AFRESH = [sys.executable, "-m", "afresh.cli", "serve"]


def test_it_serves_until_the_terminal_interrupts_it(tmp_path: Path) -> None:
    command = [*AFRESH, str(SHOP), "--port", "0", "--data", str(tmp_path), "--workers", "2"]
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        served = Workers(process)
        assert served.said("serving")[0]["workers"] == 2
        clients = [served.client() for _ in range(2)]
        for number, client in enumerate(clients):
            assert client.post("/v1/events", json=view("i", f"s{number}")).status_code == 202
            client.close()
        os.killpg(process.pid, signal.SIGINT)  # a terminal tells all of them
        assert process.wait(30) == 0
        assert [line["event"] for line in served.lines[-2:]] == ["stopping", "stopped"]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
    assert list((tmp_path / "snapshots").glob("*.snapshot"))


def failed(*args: str) -> str:
    done = subprocess.run([*AFRESH, *args], cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1
    return done.stderr


def test_what_is_wrong_is_said_once_and_ends_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = failed(str(SHOP), "--port", port, "--data", str(tmp_path), "--workers", "2")
        assert "Cannot listen" in said
    (tmp_path / "log.sqlite3").write_bytes(b"no log" * 1000)
    said = failed(str(SHOP), "--port", "0", "--data", str(tmp_path), "--workers", "2")
    assert said.count("damaged") == 1
    assert "Traceback" not in said
    said = failed(str(SHOP), "--port", "0", "--data", str(tmp_path), "--workers", "0")
    assert "--workers" in said


def test_a_worker_that_cannot_start_ends_the_server(tmp_path: Path) -> None:
    args = (str(SHOP), "--port", "0", "--data", str(tmp_path), "--workers", "2")
    script = (
        "import sys; from afresh.runtime import Runtime; from afresh.errors import Unavailable\n"
        "def fail(*a, **k): raise Unavailable('It is not there.')\n"
        "Runtime.open = fail; from afresh.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "serve", *args],
        cwd=ROOT, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 1
    assert "It is not there." in done.stderr
    assert "before the server was ready" in done.stderr
