"""One Flink for all tests; each takes topics and a job of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engines import EngineError
from engines.flink import Flink
from tests.conftest import missing_engine


@pytest.fixture(scope="session")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flink]:
    try:
        started = Flink(tmp_path_factory.mktemp("flink"))
    except EngineError as error:
        missing_engine("Flink", str(error))
    yield started
    started.stop()
