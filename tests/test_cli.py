"""The commands, as a person runs them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

AFRESH = [sys.executable, "-m", "afresh.cli"]
COMMANDS = ["demo", "new", "serve", "check", "plan", "import", "export"]
COMMANDS += ["batch", "evaluate", "features", "train", "doctor"]


def afresh(*args: str | Path, cwd: Path | None = None, ok: bool = True) -> Any:
    done = subprocess.run(
        [*AFRESH, *map(str, args)], capture_output=True, text=True, cwd=cwd, timeout=100
    )
    assert not ok or done.returncode == 0, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    afresh("new", folder / "mine")
    return folder / "mine"


@pytest.fixture(scope="module")
def imported(shop: Path) -> Path:
    done = afresh(
        "import", "app.py", "--events", "events.ndjson", "--data", "d", "--json", cwd=shop
    )
    report = json.loads(done.stdout)
    assert (report["events"], report["rejected"], report["duplicates"]) == (4, 0, 0)
    return shop


def test_help_teaches_every_command() -> None:
    shown = afresh("--help").stdout
    assert all(re.search(rf"\b{command}\b", shown) for command in COMMANDS)
    assert re.fullmatch(r"afresh \d+\.\d+\.\d+\n", afresh("--version").stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_an_example(command: str) -> None:
    shown = afresh(command, "--help").stdout
    assert "Example:" in shown
    assert f"afresh {command}" in shown


def test_help_loads_nothing_heavy() -> None:
    heavy = ("numba", "polars", "litestar", "pydantic")
    code = f"import sys, afresh.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_new_does_not_overwrite(shop: Path) -> None:
    again = afresh("new", shop, ok=False)
    assert again.returncode == 1
    assert again.stderr.startswith("error: ")


def test_check_finds_a_mistake_with_its_line(shop: Path, tmp_path: Path) -> None:
    assert afresh("check", shop / "app.py").stdout.strip().endswith("sound")
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        (shop / "app.py").read_text().replace('sliding("1h")', 'sliding("1h", hop="7m")')
    )
    found = afresh("check", wrong, ok=False)
    assert found.returncode == 1
    assert re.search(r"wrong\.py:\d+: error: ", found.stdout)
    (problem,) = json.loads(afresh("check", wrong, "--json", ok=False).stdout)
    assert problem["line"] > 0
    assert problem["severity"] == "error"


def test_plan_shows_and_prints_data(shop: Path) -> None:
    assert "views_hour" in afresh("plan", shop / "app.py").stdout
    assert json.loads(afresh("plan", shop / "app.py", "--json").stdout)["app"]
    unknown = afresh("plan", shop / "app.py", "--engine", "embeded", ok=False)
    assert "embedded" in unknown.stderr


def test_import_is_repeatable_and_export_gives_it_back(imported: Path) -> None:
    again = afresh("import", "app.py", "--events", "events.ndjson", "--data", "d", cwd=imported)
    assert "0 events" in again.stdout
    assert "4 duplicates" in again.stdout
    afresh("export", "app.py", "--data", "d", "--events", "out.ndjson", cwd=imported)
    lines = [json.loads(line) for line in (imported / "out.ndjson").read_text().splitlines()]
    assert [line["item_id"] for line in lines] == ["i1", "i2", "i2", "i1"]


def test_batch_makes_a_lake_and_goes_on_with_it(imported: Path) -> None:
    asked = ["batch", "app.py", "--data", "d", "--out", "lake"]
    first = json.loads(afresh(*asked, "--json", cwd=imported).stdout)
    assert (first["events"], first["offset"], first["days"]) == (4, 4, 1)
    assert list((imported / "lake" / "events").glob("day=2025-01-01/*.parquet"))
    assert afresh(*asked, cwd=imported).stdout.splitlines() == [
        "0 events brought to lake, which has 1 days",
        "0 of 0 closed days got new facts; 1 open",
    ]
    nothing = afresh("batch", "app.py", "--data", "none", "--out", "lake", cwd=imported, ok=False)
    assert "no log" in nothing.stderr


def test_import_lists_what_it_cannot_take(imported: Path) -> None:
    (imported / "bad.ndjson").write_text('{"event_type":"viw","user_id":"u","timestamp":1}\n')
    done = afresh("import", "app.py", "--events", "bad.ndjson", "--data", "d", cwd=imported)
    assert "unknown_event_type" in done.stdout


def test_features_as_of_a_moment(imported: Path) -> None:
    asked = [
        "features",
        "app.py",
        "--data",
        "d",
        "item_id=i1,i2",
        "--as-of",
        "2025-01-01T09:03:00Z",
    ]
    rows = json.loads(afresh(*asked, "--json", cwd=imported).stdout)
    assert rows[1] == {"item_id": "i2", "views_hour": 1, "likes_week": 1}
    table = afresh(*asked, "--feature", "likes_week", cwd=imported).stdout
    assert "likes_week" in table
    assert "views_hour" not in table


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["serve", "nothing.py"], 1, "no file"),
        (["serve", "app.py", "--host", "0.0.0.0"], 1, "API key"),
        (["serve", "app.py", "--port", "99999"], 1, "--port"),
        (["serve", "app.py", "--site", "nowhere", "--data", "unopened"], 1, "no page"),
        (["import", "app.py"], 2, "--events or --items"),
        (["import", "app.py", "--events", "no.csv"], 1, "no file"),
        (["export", "app.py", "--data", "empty", "--events", "x.csv"], 1, "no log"),
        (["features", "app.py", "item_id"], 2, "item_id=i1,i2"),
        (["features", "app.py", "--data", "none", "item_id=i1"], 1, "no folder"),
        (["features", "app.py", "item_id=i1", "--as-of", "noon"], 2, "not a time"),
        (["features", "app.py", "item_id=i1", "--url", "http://127.0.0.1:1"], 1, "reached"),
        (["frobnicate"], 2, "No such command"),
    ],
)
def test_an_error_says_what_to_do(shop: Path, args: list[str], code: int, says: str) -> None:
    done = afresh(*args, cwd=shop, ok=False)
    assert done.returncode == code
    assert says in re.sub(r"\s*[│╭╰─╮╯]*\s*\n[│\s]*", " ", done.stderr)


def test_doctor(shop: Path) -> None:
    done = afresh("doctor", "app.py", "--data", "d", cwd=shop, ok=False)
    assert "definition" in done.stdout
    findings = json.loads(afresh("doctor", "--json", cwd=shop, ok=False).stdout)
    assert {"python", "sqlite", "disk", "clock", "port"} <= {f["subject"] for f in findings}


class Server:
    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url

    def ask(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


def start(folder: Path, data: str) -> Server:
    process = subprocess.Popen(
        [*AFRESH, "serve", "app.py", "--port", "0", "--data", data],
        cwd=folder, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        said = json.loads(line)
        if said["event"] == "serving":
            return Server(process, said["url"])
    raise AssertionError("it did not start")


@pytest.fixture
def server(shop: Path) -> Iterator[Server]:
    started = start(shop, "served")
    yield started
    started.process.kill()
    started.process.wait()


def view(item: str) -> dict[str, object]:
    now = int(time.time() * 1000)
    return {"event_type": "view", "user_id": "u", "item_id": item, "timestamp": now}


def test_a_server_stops_in_order_and_starts_where_it_was(shop: Path, server: Server) -> None:
    offset = server.ask("/v1/events", view("kept"))["offset"]
    held = afresh("features", "app.py", "--data", "served", "item_id=kept", cwd=shop, ok=False)
    assert held.returncode == 1
    assert "--url" in held.stderr
    asked = ["features", "app.py", "item_id=kept", "--json", "--url", server.url]
    assert json.loads(afresh(*asked, cwd=shop).stdout)[0]["views_hour"] == 1
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    assert list((shop / "served").rglob("snapshots/*"))
    again = start(shop, "served")
    try:
        answer = again.ask("/v1/recommend", {"user_id": "u", "after": offset})
        assert answer["fresh"] is True
    finally:
        os.kill(again.process.pid, signal.SIGINT)
        assert again.process.wait(20) == 0
