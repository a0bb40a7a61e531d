"""Hopsworks' own client takes what we give it, and rows are in Kafka; nobody asked the service."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from engines import EngineError
from engines.feast import feast_environment, feast_python
from tests.certificates import certificates
from tests.conftest import missing_engine
from tests.everything import app

from afresh.errors import MissingDependency
from afresh.feature_stores.hopsworks import Hopsworks

CALLS = Path(__file__).with_name("hopsworks_calls.py")


@pytest.mark.engine
def test_the_client_makes_of_each_call_what_we_want(tmp_path: Path) -> None:
    try:
        python = feast_python()
    except EngineError as error:
        missing_engine("Hopsworks' client", str(error))
    done = subprocess.run(
        [python, CALLS, *certificates(tmp_path)],
        env=feast_environment() | {"NO_PROXY": "127.0.0.1", "TQDM_DISABLE": "1"},
        capture_output=True,  # apart, as Kafka's client says on stderr what it wants when it wants
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(json.loads(done.stdout.splitlines()[-1])) == 7


@pytest.mark.parametrize("package", ["hopsworks", "confluent_kafka"])
def test_without_the_client_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    for name in ("confluent_kafka", "fastavro", "hopsworks", "pyarrow"):
        monkeypatch.setitem(sys.modules, name, sys)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependency, match=package) as caught:
        Hopsworks(app.plan(), store=None)
    assert "afresh[hopsworks]" in str(caught.value.hint)
