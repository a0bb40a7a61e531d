"""The calls that SageMaker gets are those that its client knows; it was never called itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from engines import EngineError
from engines.feast import feast_environment, feast_python
from tests.conftest import missing_engine
from tests.everything import app

from afresh.errors import MissingDependency
from afresh.feature_stores.sagemaker import SageMaker

CALLS = Path(__file__).with_name("sagemaker_calls.py")


@pytest.mark.engine
def test_every_call_is_one_that_the_client_knows() -> None:
    try:
        python = feast_python()
    except EngineError as error:
        missing_engine("boto3", str(error))
    keys = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    done = subprocess.run(
        [python, CALLS],
        env=feast_environment() | keys,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert len(json.loads(done.stdout.splitlines()[-1])) == 5


def test_without_boto3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(MissingDependency, match="boto3"):
        SageMaker(app.plan())
