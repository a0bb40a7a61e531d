"""A mistake in the SQL changes the bytes of the facts."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from engines.flink import Flink
from engines.kafka import Kafka
from tests.everything import app
from tests.flinked import Flinked
from tests.model import Model
from tests.streams import stream

PLAN = app.plan()


def swapped(old: str, new: str) -> Callable[[str], str]:
    return lambda sql: sql.replace(old, new)


MUTANTS: dict[str, Callable[[str], str]] = {
    "keep last": swapped("event_id ORDER BY arrived)", "event_id ORDER BY arrived DESC)"),
    "no null filter": swapped("WHERE `key` IS NOT NULL AND item_id IS NOT NULL", ""),
    "UTF-16 order": swapped("event_id DESC, owner", "ENCODE(event_id, 'UTF-16BE') DESC, owner"),
    "wrapped sum": swapped("SUM(added * added % 2147483648)", "SUM(added * added)"),
    "truncating division": lambda sql: re.sub(r"`timestamp` / 60000\b", "(`timestamp` + 1) / 60000",
                                              sql),
    "signed limbs": swapped("added * added % 2147483648", "added * ABS(added) % 2147483648"),
    "no key": swapped("PARTITION BY owner, event_id", "PARTITION BY event_id"),
    "least first": swapped("ORDER BY digest)", "ORDER BY digest DESC)"),
}  # fmt: skip


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_seen(kafka: Kafka, flink: Flink, name: str) -> None:
    delivered, counted = stream(10)
    wanted = Model(PLAN, counted).canonical()
    running = Flinked(kafka, flink, PLAN)
    mutate, changed = MUTANTS[name], []

    def changing(sql: str) -> str:
        changed.append(mutate(sql) != sql)
        return mutate(sql)

    running.send(delivered)
    running.submit(mutate=changing)
    assert any(changed)
    sound = running.another()
    running.submit(sound)
    assert running.facts(wanted, sound.facts) == wanted
    assert running.settled(running.job.facts) != wanted
    running.stop()
