"""The document of a plan, without an engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.everything import app
from tests.streamed import NO_EVENTS, ONE
from typer.testing import CliRunner

from afresh.cli import app as cli
from afresh.features.columns import item_columns
from afresh.features.engines.kafka_streams.document import FORMAT, document_of
from afresh.features.engines.kafka_streams.placing import placed, reads_of
from afresh.features.engines.rows.identity import family_name
from afresh.log.kafka.topics import Topics
from afresh.log.kafka.wire import Wire

PLAN = app.plan()
SOURCES = Path(__file__).parents[3] / "engines" / "kafka-streams" / "src"
HOUR = 3_600_000


def test_it_has_every_part_of_the_plan_by_the_name_of_its_facts() -> None:
    document = document_of(PLAN, placed(Topics("shop"), "h:9092"), 24 * HOUR)
    families = [tiles.family for facts in document.facts for tiles in facts.tiles]
    assert sorted(families) == sorted(family_name(PLAN, family) for family in PLAN.families)
    assert sum(len(facts.distincts) for facts in document.facts) == len(PLAN.distincts)
    lists = [kept.list for facts in document.facts for kept in facts.lists]
    assert len(set(lists)) == len(lists) == len(PLAN.sequences) + 2
    for facts in document.facts:
        touching = {name for tiles in facts.tiles for atom in tiles.atoms for name in atom.types}
        assert touching <= set(facts.types)


def test_state_and_ids_outlive_what_doors_admit() -> None:
    document = document_of(PLAN, placed(Topics("shop"), "h:9092"), 24 * HOUR)
    assert document.state_ms == PLAN.reach + 25 * HOUR
    assert document.ids_ms == 26 * HOUR


def test_the_command_prints_it_for_the_brokers_of_the_settings() -> None:
    said = ["plan", "tests/everything.py", "--engine", "kafka-streams"]
    done = CliRunner().invoke(cli, [*said, "--log", "kafka://broker:9092/shop"])
    document = json.loads(done.stdout)
    assert document["format"] == FORMAT
    assert document["topics"] == {
        "brokers": "broker:9092",
        "application": "shop.streams.1",
        "events": "shop.events.1",
        "facts": "shop.facts.1",
    }
    assert reads_of(Topics("shop")).between == ("shop.streams.1-keys-repartition",)


@pytest.mark.parametrize("at", range(len(NO_EVENTS)))
def test_what_the_runner_is_to_drop_is_dropped_by_servers(at: int) -> None:
    wire = Wire(PLAN.accepted, *item_columns(PLAN))
    assert len(wire.decode([NO_EVENTS[at]])[1]) == 1, NO_EVENTS[at]
    assert not wire.decode([ONE + b"}"])[1]


def test_the_runner_is_small() -> None:
    """Beside imports and comments: what it knows of a plan belongs into the document."""
    lines = [line.strip() for file in SOURCES.rglob("*.java") for line in file.open()]
    code = [x for x in lines if x and not x.startswith(("import", "package", "//", "/*", "*"))]
    assert 300 < len(code) < 600
    assert all(len(file.read_text().splitlines()) < 200 for file in SOURCES.rglob("*.java"))
