"""The command itself: a first start, a second one, and what can be in the way."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.demo.conftest import Demo

from afresh.demo.dataset import TERMS, Tables
from afresh.demo.folder import DemoFolder
from afresh.demo.prepare import DAY_MS
from afresh.demo.start import on_free_port
from afresh.errors import AfreshError
from afresh.settings import load_settings


def ask(url: str, body: object = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@pytest.mark.slow
def test_a_second_start_goes_on_with_what_is_there(
    package: Path, tables: Tables, tmp_path: Path
) -> None:
    folder = tmp_path / "demo"
    first = Demo(package, folder)
    lines = f"{tables.transactions.height:,}"
    assert TERMS in first.said
    assert f"Streaming {lines} real shopping events in" in first.said
    view = {"event_type": "view", "user_id": "h4", "item_id": "2", "timestamp": 0}
    view["timestamp"] = int(time.time() * 1000)
    assert ask(f"{first.url}/v1/events", view)["accepted"] == 1
    assert first.stop() == 0
    assert {p.name for p in tmp_path.iterdir()} == {"demo"}, "it leaves one folder behind"

    marker = DemoFolder(folder).state()
    assert marker is not None
    marker.last_ms -= 3 * DAY_MS
    DemoFolder(folder).mark(marker)
    second = Demo(package, folder)
    assert f"{lines} shopping events are here from an earlier start" in second.said
    assert "3 days old" in second.said
    assert "--fresh" in second.said
    asked = {"keys": {"user_id": ["h4"]}, "features": ["recent"]}
    assert ask(f"{second.url}/v1/features", asked)["rows"][0]["recent"][0] == "2"
    assert second.stop() == 0


def test_a_port_that_is_taken_is_passed_over(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = on_free_port(load_settings(data=tmp_path, port=port))
    assert port < found.port <= port + 49


def test_an_address_of_another_machine_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AfreshError):
        on_free_port(load_settings(data=tmp_path, host="192.0.2.1", port=8000))
