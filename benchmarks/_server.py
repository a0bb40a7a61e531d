"""Servers for the benchmarks, each in a process of its own on a free port of this machine."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engines import free_port

from benchmarks._machine import ROOT, SHOP


def environment(folder: Path) -> dict[str, str]:
    """As on a machine where it ran before: Python keeps compiled modules, here in a folder."""
    kept = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder)}


EMPTY = """
import sys
from typing import Any
from litestar import Litestar, Request, Response, get, post
from afresh.serve.server import bind, make_server
from afresh.settings import load_settings

@post("/v1/events", status_code=202)
async def take(request: Request[Any, Any, Any]) -> Response[bytes]:
    await request.body()
    return Response(b"{}", media_type="application/json")

@get("/livez")
async def livez() -> dict[str, str]:
    return {"status": "ok"}

settings = load_settings(port=int(sys.argv[1]))
with bind(settings) as listening:
    make_server(Litestar([take, livez], openapi_config=None), settings).run([listening])
"""
"""An empty handler: the same framework, server and limits, and nothing behind them."""


@contextmanager
def serving(data: Path, app: Path = SHOP) -> Iterator[int]:
    """A real `afresh serve`; yields its port."""
    with served(data, app) as (port, _):
        yield port


@contextmanager
def served(
    data: Path, app: Path = SHOP, workers: int = 1, log: str = ""
) -> Iterator[tuple[int, int]]:
    """The same from some workers; yields its port, and the id of the process started."""
    port = free_port()
    command = ["-m", "afresh.cli", "serve", str(app), "--port", str(port), "--data", str(data)]
    more = ["--log-level", "error", "--workers", str(workers), *(["--log", log] if log else [])]
    with _running([*command, *more], port) as pid:
        yield port, pid


@contextmanager
def empty_handler() -> Iterator[int]:
    """The empty handler; yields its port."""
    port = free_port()
    with _running(["-c", EMPTY, str(port)], port):
        yield port


@contextmanager
def _running(command: list[str], port: int) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_ready(port, process)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_ready(port: int, process: subprocess.Popen[bytes], path: str = "/livez") -> None:
    """Return once it answers; raises RuntimeError when it ends or does not within a minute."""
    for _ in range(12_000):
        if process.poll() is not None:
            raise RuntimeError(f"The server ended with status {process.returncode}.")
        try:
            get(port, path)
        except OSError:
            time.sleep(0.005)
        else:
            return
    raise RuntimeError("The server did not start within a minute.")


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def commits(port: int) -> int:
    """How many commits the server has made."""
    found = re.search(r"^afresh_commits_total(?:\{.*\})? ([\d.e+]+)$", get(port, "/metrics"), re.M)
    return int(float(found[1])) if found else 0
