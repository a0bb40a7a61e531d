from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engines.kafka import Kafka
from tests.mirrored import Mirrored


@pytest.fixture
def mirrored(kafka: Kafka, tmp_path: Path) -> Iterator[Mirrored]:
    made = Mirrored(kafka, tmp_path)
    yield made
    made.close()
