"""The compose file: read as Docker reads it; what it starts and sets is there. It is not run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import engines
import pytest
import yaml
from engines import EngineError, flink, kafka
from engines.linters import COMPOSE
from tests.conftest import missing_engine
from typer.testing import CliRunner

from afresh.cli import app as cli
from afresh.settings import Settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "compose.yaml"
AFRESH = {"doctor", "feeder", "job", "reader", "server-a", "server-b", "topics"}
FLINK = {"gateway", "jobmanager", "taskmanager"}
OTHERS = {"grafana", "kafka", "prometheus", "qdrant", "valkey"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """As the compose project's own reader understands them: merged, interpolated, consistent."""
    try:
        reader = engines.installed(COMPOSE) / "cmd"
    except EngineError as error:
        missing_engine("The reader of compose files", str(error))
    done = subprocess.run(
        [str(reader), "-format", "json", str(FILE)], capture_output=True, text=True, cwd=FILE.parent
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found


@pytest.mark.engine
def test_everything_is_there_and_open_to_this_machine_only(services: dict[str, Any]) -> None:
    every = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
    assert set(every) == AFRESH | FLINK | OTHERS
    assert set(services) <= set(every)  # the doctor's profile is not on
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
    for name in AFRESH & set(services):
        assert services[name]["read_only"]
        assert services[name]["secrets"]


@pytest.mark.engine
def test_settings_and_commands_are_ours(services: dict[str, Any]) -> None:
    for name in AFRESH & set(services):
        for setting in services[name]["environment"]:
            assert setting.removeprefix("AFRESH_").lower() in Settings.model_fields, (name, setting)
        command = services[name]["command"]
        words = command[: 2 if command[0] in ("kafka", "flink") else 1]
        shown = CliRunner().invoke(cli, [*words, "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0, words
        for option in (word for word in command if word.startswith("--")):
            assert option in shown.output, (name, option)


def test_engines_are_those_that_are_tested_here() -> None:
    parts = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
    assert parts["kafka"]["image"] == f"apache/{kafka.NAME.replace('-', ':')}"
    for name in FLINK:
        assert parts[name]["image"] == f"afresh-{flink.NAME.replace('-', ':')}"
    built = (FILE.parent / "flink" / "Dockerfile").read_text(encoding="utf-8")
    assert f"FROM flink:{flink.VERSION}-" in built
    (connector,) = (a for a in flink.ARTIFACTS if "connector-kafka" in a)
    assert f"-Dartifact={connector}" in built


def test_the_image_installs_what_the_lock_names() -> None:
    file = (FILE.parent / "Dockerfile").read_text(encoding="utf-8")
    locked = (ROOT / "requirements" / "deploy.txt").read_text(encoding="utf-8")
    assert "--require-hashes -r /src/requirements/deploy.txt" in file
    for client in ("confluent-kafka==", "valkey==", "qdrant-client==", "hatchling=="):
        assert client in locked
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    copied = [line.split()[1:-1] for line in file.splitlines() if line.startswith("COPY")]
    for path in (path for paths in copied for path in paths):
        assert f"!{path}" in ignored
        assert (ROOT / path).exists()
