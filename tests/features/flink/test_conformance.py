"""Flink's facts are those of the model and of the embedded engine, to the byte."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
import pytest
from engines.flink import Flink
from engines.kafka import Kafka
from tests.everything import app
from tests.features.flink.conftest import Everything
from tests.flinked import Flinked
from tests.model import Model
from tests.streams import stream

from afresh.features.canonical import canonical
from afresh.features.from_facts import state_of

PLAN = app.plan()


def difference(found: bytes, wanted: bytes) -> list[str]:
    """The first lines that only one side has."""
    have, want = set(found.split(b"\n")), set(wanted.split(b"\n"))
    return [f"- {line.decode()}" for line in sorted(want - have)[:5]] + [
        f"+ {line.decode()}" for line in sorted(have - want)[:5]
    ]


@pytest.mark.timeout(180)  # both engines start, and read everything
def test_flink_model_and_embedded_engine_give_the_same_bytes(everything: Everything) -> None:
    wanted, found = everything.wanted, everything.found
    assert canonical(everything.state) == wanted
    assert not difference(found, wanted)
    assert found == wanted
    head, *facts = [msgspec.json.decode(line) for line in found.split(b"\n")]
    assert canonical(state_of(PLAN, head[1], facts)) == wanted


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
    assert running.facts(wanted, sound) == wanted
    assert running.settled(running.job) != wanted
    running.stop()
