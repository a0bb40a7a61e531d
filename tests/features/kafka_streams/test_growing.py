"""A definition grows: the runner goes on with the new document and keeps what was counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from engines.kafka import Kafka
from msgspec.structs import replace
from tests.features.flink.test_lifecycle import AFTER, BEFORE, events
from tests.model import Model
from tests.streamed import Streamed

from afresh.loading import load

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(300)]


def test_an_added_feature_keeps_all_that_was_counted(
    kafka: Kafka, runner_built: None, tmp_path: Path
) -> None:
    file = tmp_path / "app.py"
    file.write_text(BEFORE)
    old = load(file).plan()
    running = Streamed(kafka, old, tmp_path)
    running.send(events(0, 40))
    instance = running.start()
    wanted = Model(old, events(0, 40)).canonical()
    assert running.facts(wanted) == wanted
    instance.stop()

    file.write_text(AFTER)
    new = load(file).plan()
    running.send([*events(0, 40), *events(40, 40)], new)  # the first are copies
    running.start(running.document(new))
    whole = Model(old, events(0, 80)).canonical()
    assert running.facts(whole) == whole
    later = Model(new, events(40, 40)).canonical()  # what was added begins with the upgrade
    added = {fact for fact in later.split(b"\n") if b"u1" in fact}
    added = {fact for fact in added if fact.startswith((b'["distinct"', b'["tile",2'))}
    assert added
    assert added <= set(running.until(lambda facts: added <= set(facts.split(b"\n")),
                                      plan=new).split(b"\n"))  # fmt: skip
    running.stop()


def test_a_document_of_another_version_is_refused(
    kafka: Kafka, runner_built: None, tmp_path: Path
) -> None:
    file = tmp_path / "app.py"
    file.write_text(BEFORE)
    running = Streamed(kafka, load(file).plan(), tmp_path)
    instance = running.start(replace(running.document(), format=99))
    assert instance.status() == 2
    assert "has format 99, this runner reads 1" in instance.said()


def test_it_ends_when_the_events_are_not_there(
    kafka: Kafka, runner_built: None, tmp_path: Path
) -> None:
    """So that whoever started it hears of it."""
    file = tmp_path / "app.py"
    file.write_text(BEFORE)
    running = Streamed(kafka, load(file).plan(), tmp_path)
    document = running.document()
    instance = running.start(replace(document, topics=replace(document.topics, events="no.such")))
    assert instance.status() == 1
