"""A repository over a running server, and a process of the real Feast that has it open."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from engines import EngineError
from engines.feast import feast_environment, feast_python
from tests.conftest import missing_engine, needs_valkey
from tests.serve.conftest import Served, serving
from tests.valkey_server import valkey_server
from typer.testing import CliRunner

from afresh.cli import app as cli
from afresh.errors import Unavailable
from afresh.loading import load
from afresh.store.opening import open_store
from afresh.store.stored import Stored

HERE = Path(__file__).parent
EVERYTHING = HERE.parent / "everything.py"


class FeastError(Exception):
    """What Feast raised, as text."""


class Feast:
    """A process with a repository open; `call` runs a function of driver.py there."""

    def __init__(self, python: Path, repository: Path) -> None:
        self.repository = repository
        self.process = subprocess.Popen(
            [python, HERE / "driver.py", repository],
            env=feast_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, name: str, **given: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"call": name, **given}) + "\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        if "error" in said:
            raise FeastError(said["error"])
        return said["answer"]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=20)


class Shop:
    """A server, what it writes into a store, and Feast over both."""

    def __init__(self, served: Served, feast: Feast, definition: Path) -> None:
        self.served, self.feast, self.definition = served, feast, definition

    def post(self, *events: dict[str, Any]) -> None:
        """Events that are in the store when this returns."""
        said = self.served.client.post("/v1/events", json=list(events)).json()
        assert said["accepted"] + said["duplicates"] == len(events), said
        self.settle()

    def settle(self) -> None:
        runtime = self.served.runtime
        stored = Stored(runtime.plan, open_store(runtime.settings), runtime.settings.store_prefix)
        for _ in range(2000):
            try:
                if stored.head().n >= runtime.replica.offset:
                    return
            except Unavailable:
                pass
            time.sleep(0.01)
        raise AssertionError("the store stays behind")

    def rows(self, key: str, names: list[str], **more: Any) -> list[dict[str, Any]]:
        """What the server says."""
        body = {"keys": {key: names}, **more}
        said = self.served.client.post("/v1/features", json=body)
        assert said.status_code == 200, said.text
        rows: list[dict[str, Any]] = said.json()["rows"]
        return rows


def run_feast(python: Path, folder: Path, *command: str) -> str:
    """Feast's own command line."""
    done = subprocess.run(
        [python, python.with_name("feast"), *command],
        cwd=folder,
        env=feast_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@contextmanager
def opened(python: Path, folder: Path, definition: Path) -> Iterator[Shop]:
    """All of it, over a definition."""
    with valkey_server(folder / "valkey") as store:
        given: dict[str, Any] = {"store": store.url, "store_timeout": "20s"}
        data = folder / "data"
        with serving(data, app=load(definition), **given) as served:
            repository = folder / "features"
            told = ["feast", "init", str(definition), str(repository), "--data", str(data)]
            told += ["--store", store.url, "--server", served.url]
            done = CliRunner().invoke(cli, told)
            assert done.exit_code == 0, done.output
            run_feast(python, repository, "apply")
            feast = Feast(python, repository)
            shop = Shop(served, feast, definition)
            try:
                shop.settle()
                yield shop
            finally:
                feast.close()


@pytest.fixture(scope="session")
def python() -> Path:
    """The Python that has Feast."""
    try:
        return feast_python()
    except EngineError as error:
        missing_engine("Feast", str(error))


@pytest.fixture(scope="session")
def shop(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    needs_valkey()
    with opened(python, tmp_path_factory.mktemp("shop"), EVERYTHING) as made:
        yield made
