"""The SQL of a job, and rows of facts, without an engine."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from tests.everything import app

from afresh.errors import AfreshError
from afresh.features.engines.flink.clients import HIDDEN, job_of
from afresh.features.engines.flink.columns import group, literal, property_types
from afresh.features.engines.flink.job import script
from afresh.features.engines.flink.retention import refuse_if_old, state_ttl
from afresh.features.engines.rows.facts import FactTable
from afresh.features.engines.rows.identity import family_name, input_name
from afresh.features.plan import Input
from afresh.settings import load_settings

PLAN = app.plan()
HOUR = 3_600_000


def test_every_part_of_a_plan_has_a_name_of_its_own() -> None:
    names = [family_name(PLAN, family) for family in PLAN.families]
    assert len(set(names)) == len(names)
    inputs = [input_name(source) for source in PLAN.inputs]
    assert len(set(inputs)) == len(inputs)
    price = Input(name="price", kind="number", places=2, fallback="item.price")
    assert input_name(price) == "price|item.price@2"
    assert input_name(replace(price, bands=(1000, 2500))) == "price|item.price@2<1000,2500>"
    assert input_name(Input(name="hour", kind="hour", offset=-60_000)) == "hour-60000"


def test_a_text_of_the_users_stays_a_text() -> None:
    assert literal("it's") == "CAST('it''s' AS STRING)"


def test_nothing_negative_is_divided() -> None:
    """Five hours behind UTC, an hour after the epoch; the day that is added keeps it above zero."""
    plan = replace(PLAN, inputs=(Input(name="hour", kind="hour", offset=-5 * HOUR),))
    assert f"(`timestamp` + {19 * HOUR}) / {HOUR} % 24" in group(plan, 0)


def test_a_column_of_two_scales_is_refused() -> None:
    inputs = tuple(Input(name="value", kind="number", places=places) for places in (0, 2))
    with pytest.raises(AfreshError, match="0 and 2 decimal places"):
        property_types(replace(PLAN, inputs=inputs))


def test_names_of_properties_meet_no_name_of_the_job() -> None:
    """They are what a generated statement calls its own columns."""
    inputs = tuple(Input(name=name, kind="number") for name in ("visit", "offset"))
    plan = replace(PLAN, inputs=inputs, families=(), distincts=(), sequences=())
    sql = script(plan, job_of(load_settings(log="kafka://h/p")))
    assert "`visit` AS `said.visit`, `offset` AS `said.offset`" in sql
    assert "`@offset` AS `offset`" in sql


def test_a_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFRESH_KAFKA_USER", 'a"b')
    monkeypatch.setenv("AFRESH_KAFKA_PASSWORD", "se'cret")
    settings = load_settings(log="kafka+ssl://h/shop")
    shown = script(PLAN, job_of(settings, hidden=True))
    assert "se'cret" not in shown.replace("''", "'")
    assert HIDDEN in shown
    properties = job_of(settings).kafka
    assert properties["security.protocol"] == "SASL_SSL"
    assert 'username="a\\"b" password="se\'cret";' in properties["sasl.jaas.config"]
    assert "password=\"se''cret\"" in script(PLAN, job_of(settings))


def test_state_outlives_what_can_still_be_added_to_it() -> None:
    assert state_ttl(PLAN, 24 * HOUR, 100 * HOUR) == PLAN.reach + 125 * HOUR


def test_a_savepoint_older_than_an_outage_is_refused(tmp_path: Path) -> None:
    (tmp_path / "_metadata").touch()
    refuse_if_old(tmp_path.as_uri(), None, HOUR)
    before = time.time() - 2 * 3600
    os.utime(tmp_path / "_metadata", (before, before))
    with pytest.raises(AfreshError, match="is 2h old; state is kept for an outage of 1h"):
        refuse_if_old(tmp_path.as_uri(), None, HOUR)
    with pytest.raises(AfreshError, match="cannot be seen"):
        refuse_if_old("s3://bucket/savepoint", None, HOUR)
    refuse_if_old("s3://bucket/savepoint", time.time_ns() // 1_000_000, HOUR)


def test_a_row_that_knows_less_is_refused_and_counted() -> None:
    named = {"fact": "tile", "family": "item_id/60000", "key": "i", "tile": 1, "group": "",
             "type": "view", "input": ""}  # fmt: skip
    key, table = msgspec.json.encode(named), FactTable()
    for n in (4, 5, 1, 6):
        table.take(key, msgspec.json.encode({"n": n, "offset": n}))
    ((atoms,),) = [list(tiles.values()) for tiles in table.tiles.values()]
    assert atoms == {("view", ""): {"n": 6, "offset": 6}}
    assert table.refused == 1
