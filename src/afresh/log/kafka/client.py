"""The client library, imported where it is wanted."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from afresh.errors import AfreshError


def kafka() -> ModuleType:
    """confluent_kafka. Raises AfreshError when it is not installed."""
    try:
        import confluent_kafka
    except ImportError as error:
        raise AfreshError(
            "A log on Kafka needs the package confluent-kafka.",
            hint='pip install "afresh[kafka]"',
        ) from error
    module: Any = confluent_kafka
    return module  # type: ignore[no-any-return]


def admin() -> ModuleType:
    """confluent_kafka.admin, as `kafka`."""
    kafka()
    import confluent_kafka.admin

    module: Any = confluent_kafka.admin
    return module  # type: ignore[no-any-return]
