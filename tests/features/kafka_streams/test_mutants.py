"""A mistake in the document changes the bytes of the facts. That of `ids_ms` shows when ids have
been forgotten, which test_forgetting.py waits for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from engines.kafka import Kafka
from tests.everything import app
from tests.model import Model
from tests.streamed import Streamed
from tests.streams import stream

PLAN = app.plan()

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(300)]


def swapped(old: str, new: str) -> Callable[[str], str]:
    return lambda document: document.replace(old, new)


MUTANTS: dict[str, Callable[[str], str]] = {
    "owners are sessions": swapped(
        '"owner":[{"prefix":"u:","column":"user_id"},', '"owner":['
    ),
    "session before user": swapped(
        '"key":[{"prefix":"u:","column":"user_id"},{"prefix":"s:","column":"session_id"}]',
        '"key":[{"prefix":"s:","column":"session_id"},{"prefix":"u:","column":"user_id"}]',
    ),
    "another width": swapped('"width":60000,', '"width":60001,'),
    "one less in a list": swapped('"n":3}', '"n":2}'),
    "a smaller sketch": swapped('"k":256', '"k":255'),
    "no fallback": swapped('"columns":["price","item.price"]', '"columns":["price"]'),
    "another hour": swapped('"hour_offset":-12600000', '"hour_offset":-10800000'),
    "colons are hashed": swapped('"value":[{"prefix":"u",', '"value":[{"prefix":"u:",'),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_seen(kafka: Kafka, runner_built: None, tmp_path: Path, name: str) -> None:
    delivered, counted = stream(10)
    running = Streamed(kafka, PLAN, tmp_path)
    sound = msgspec.json.encode(running.document()).decode()
    mutant = MUTANTS[name](sound)
    assert mutant != sound
    running.send(delivered)
    running.start_with(mutant.encode())
    assert running.settled(running.topics.facts) != Model(PLAN, counted).canonical()
    running.stop()
