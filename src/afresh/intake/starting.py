"""The topics that the settings name, as feeds of a runtime."""

from __future__ import annotations

from typing import Any

import structlog

from afresh.errors import AfreshError
from afresh.intake.mapping import Mapping
from afresh.intake.reading import Intaking
from afresh.log.kafka.address import Address, address_of, options_of
from afresh.log.kafka.receiving import place
from afresh.mirror.chunk import Unreadable
from afresh.mirror.runtime import MirrorRuntime
from afresh.runtime import Runtime
from afresh.settings import Intake

_log = structlog.get_logger("afresh.intake")


def intakes(runtime: Runtime) -> list[Intaking]:
    """One of each. Raises AfreshError for what the settings got wrong."""
    return [_made(runtime, said) for said in runtime.settings.intake]


def _made(runtime: Runtime, said: Intake) -> Intaking:
    settings = runtime.settings
    if isinstance(runtime, MirrorRuntime):
        address = address_of(settings)
    elif said.servers:
        address = Address(said.servers, runtime.app.name, options_of(settings))
    else:
        raise AfreshError(
            f"intake of {said.topic}: where are its brokers?",
            hint='Say servers = "host:9092", as the log of this server is not on Kafka.',
        )

    def refused(message: Any, why: str) -> None:
        if isinstance(runtime, MirrorRuntime):
            runtime.writer.set_aside([Unreadable(message, why)])
        else:
            _log.warning("message_not_taken", place=place(message), reason=why)

    return Intaking(
        address,
        f"{address.prefix}.ingest",
        Mapping(said, runtime.plan.accepted),
        runtime.decoder,
        runtime.writer.submit,
        refused,
    )
