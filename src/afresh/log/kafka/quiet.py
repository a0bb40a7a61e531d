"""What the client library says, not more often than somebody wants to read it."""

from __future__ import annotations

import logging
import time
from typing import Any

import structlog

AGAIN_S = 10.0

QUIET = logging.getLogger("afresh.librdkafka")
"""Takes what the library prints by itself, and keeps it: what matters comes as errors too."""
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False

_said: dict[str, float] = {}
_log = structlog.get_logger("afresh.kafka")


def say_once(error: Any) -> None:
    """Log it, unless the same was logged within AGAIN_S."""
    text, now = str(error), time.monotonic()
    if now - _said.get(text, -AGAIN_S) >= AGAIN_S:
        _said[text] = now
        _log.warning("kafka", reason=text)
