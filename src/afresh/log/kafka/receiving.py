"""Messages as a consumer hands them over."""

from __future__ import annotations

from typing import Any


def received(consumer: Any, at_most: int, timeout_s: float) -> list[Any]:
    """What has come, errors among it, in the order of each partition; waits for the first only."""
    first = consumer.poll(timeout_s)
    return [] if first is None else [first, *consumer.consume(at_most - 1, 0)]


def place(message: Any) -> str:
    """Where a message stands: topic/partition/offset."""
    return f"{message.topic()}/{message.partition()}/{message.offset()}"
