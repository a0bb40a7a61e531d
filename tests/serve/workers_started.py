"""A server of several processes, for tests: started, asked on chosen connections, ended by pid."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "shop.py"
SOON_S = 60.0


def until(holds: Callable[[], Any], seconds: float = SOON_S) -> Any:
    """What `holds` gives, once that is true; AssertionError after so long."""
    late = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < late, "it did not happen"
        time.sleep(0.02)
    return found


class Workers:
    """A running server. `lines`: what it logged."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        until(lambda: self.said("serving") or process.poll() is not None, 110)
        assert self.said("serving"), self.lines
        self.url = str(self.said("serving")[0]["url"])

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(json.loads(line) if line.startswith("{") else {"event": line})

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    def client(self) -> httpx.Client:
        """A client with one connection of its own."""
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        return httpx.Client(base_url=self.url, timeout=20, limits=limits)

    @contextmanager
    def both(self) -> Iterator[tuple[httpx.Client, httpx.Client]]:
        """A client whose connection the writer has, and one whose connection a follower has."""
        found: dict[bool, httpx.Client] = {}
        spare: list[httpx.Client] = []
        try:
            while len(found) < 2:
                client = self.client()
                if found.setdefault(state(client)["writes"], client) is not client:
                    spare.append(client)
            yield found[True], found[False]
        finally:
            for client in (*found.values(), *spare):
                client.close()

    def stop(self) -> int:
        """The exit status after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def state(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/state").json()
    return found


def same_state(one: httpx.Client, other: httpx.Client) -> bool:
    """Whether both workers hold the same state, which nobody changes meanwhile."""
    mine, theirs = state(one), state(other)
    if mine["offset"] != theirs["offset"]:
        return False
    assert mine["canonical"] == theirs["canonical"]
    return True


@contextmanager
def workers(folder: Path, **settings: object) -> Iterator[Workers]:
    given = {"workers": 2, **settings}
    said = [f"{name}={value}" for name, value in given.items()]
    command = [sys.executable, "-m", "tests.serve.workers_driver", str(SHOP), str(folder), *said]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        yield Workers(process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def view(item: str, session: str, **more: Any) -> dict[str, Any]:
    now = int(time.time() * 1000)
    return {
        "event_type": "view",
        "session_id": session,
        "item_id": item,
        "timestamp": now,
        **more,
    }
