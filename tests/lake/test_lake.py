"""A lake says of each closed day what the log says, however it was brought there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from msgspec.structs import replace
from tests.batches import batch_of
from tests.features.test_reader_borders import spoken
from tests.lake.lakes import HOUR, PLAN, START, bring, contents, days_of, put, revisions
from tests.model import DAY, Event, Model
from tests.streams import stream

from afresh.committer import pending
from afresh.errors import BadRequest, CorruptData, DefinitionError, NotFound, Unavailable
from afresh.features.asof import features_as_of
from afresh.features.canonical import canonical
from afresh.lake import state_at, values_at
from afresh.lake.durable import locked
from afresh.log.sqlite import SqliteLog


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "log")
    yield opened
    opened.close()


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def utc_day(ts: int) -> date:
    return datetime.fromtimestamp(ts / 1000, UTC).date()


def test_a_day_read_back_is_the_log_as_of_its_end(log: SqliteLog, lake: Path) -> None:
    _, counted = stream(12)
    for at in range(0, len(counted), 400):
        put(log, counted[at : at + 400])
        bring(log, lake)
    put(log, [Event("last", "view", max(e.ts for e in counted) + 2 * DAY, "z", "z")])
    bring(log, lake)
    for end in sorted({(e.ts // DAY + 1) * DAY for e in counted})[-3:]:
        before = Model(PLAN, [event for event in counted if event.ts < end])
        day = utc_day(end - 1)
        assert canonical(state_at(PLAN, lake, day)) == before.canonical()
        for key in ("item_id", "user_id", "session_id", "brand"):
            features = [feature for feature in PLAN.features if feature.key == key]
            names = sorted({name for e in before.events if (name := before.key(e, key))})[:60]
            asked = [said for name in names if (said := spoken(key, name, before.events))]
            asked += ["nobody", "", "\ud800", "s:"]
            found = values_at(PLAN, lake, day, key, asked, [f.name for f in features])
            assert repr(found) == repr(features_as_of(PLAN, log, key, asked, features, end))


def test_the_second_run_does_what_is_new(log: SqliteLog, lake: Path) -> None:
    put(log, days_of(4))
    first = bring(log, lake)
    assert (first.events, first.days, first.closed, first.revisions) == (24, 4, 3, 3)
    again = bring(log, lake)
    assert (again.events, again.revisions, again.offset) == (0, 0, 24)
    put(log, days_of(6)[24:])
    later = bring(log, lake)
    assert (later.events, later.closed, later.revisions) == (12, 5, 2)
    assert set(revisions(lake).values()) == {1}


def test_a_day_is_closed_by_the_watermark(log: SqliteLog, lake: Path) -> None:
    put(log, [Event("a", "view", START, "u", "i"),
              Event("b", "view", START + DAY + HOUR - 1, "u", "i")])  # fmt: skip
    assert bring(log, lake).closed == 0
    put(log, [Event("c", "view", START + DAY + HOUR, "u", "i")])
    assert bring(log, lake).revisions == 1


def test_an_import_into_a_closed_day_is_its_next_revision(log: SqliteLog, lake: Path) -> None:
    put(log, days_of(4))
    bring(log, lake)
    kept = {path: path.read_bytes() for path in lake.glob("facts/*/*/*")}
    put(log, [Event("late", "view", START + DAY, "u9", "i9")])
    assert bring(log, lake).revisions == 1
    assert list(revisions(lake).values()) == [1, 2, 1]
    assert all(path.read_bytes() == content for path, content in kept.items())
    assert b"u9" in canonical(state_at(PLAN, lake, utc_day(START + DAY)))


def test_a_changed_definition_makes_all_days_again(log: SqliteLog, lake: Path) -> None:
    put(log, days_of(4))
    bring(log, lake)
    plan = replace(PLAN, postings=replace(PLAN.postings, per_item=2))
    with pytest.raises(NotFound, match="no facts"):
        state_at(plan, lake, utc_day(START))
    assert bring(log, lake, plan).revisions == 3
    assert set(revisions(lake).values()) == {2}
    assert {path.stem for path in lake.glob("plans/*")} == {PLAN.hash, plan.hash}
    wanted = Model(plan, days_of(1)).canonical()
    assert canonical(state_at(plan, lake, utc_day(START))) == wanted


def test_numbers_that_got_more_places_are_scaled(log: SqliteLog, lake: Path) -> None:
    few = batch_of(PLAN, [Event("a", "buy", START, "u", "i", None, {"price": 12})])
    few.places["price"] -= 1
    many = batch_of(PLAN, [Event("b", "buy", START + 1, "u", "i", None, {"price": 3})])
    text = batch_of(PLAN, [Event("c", "buy", START + 2, "u", "i", None, {"price": "12"})])
    later = batch_of(PLAN, [Event("d", "view", START + 2 * DAY, "u", "i")])
    log.append([pending(batch, 30_000 * DAY) for batch in (few, text, many, later)])
    bring(log, lake)
    events = [Event("a", "buy", START, "u", "i", None, {"price": 120}),
              Event("b", "buy", START + 1, "u", "i", None, {"price": 3}),
              Event("c", "buy", START + 2, "u", "i")]  # fmt: skip
    assert canonical(state_at(PLAN, lake, utc_day(START))) == Model(PLAN, events).canonical()


def test_more_places_than_the_definition_has_are_refused(log: SqliteLog, lake: Path) -> None:
    batch = batch_of(PLAN, [Event("a", "buy", START, "u", "i", None, {"price": 12})])
    batch.places["price"] += 1
    log.append([pending(batch, 30_000 * DAY)])
    put(log, [Event("b", "view", START + 3 * DAY, "u", "i")])
    with pytest.raises(DefinitionError, match="decimal places"):
        bring(log, lake)


def test_a_mirror_is_brought_as_any_log(tmp_path: Path, lake: Path) -> None:
    put_into = SqliteLog(tmp_path / "mirror", mirror_of="there", partitions=2)
    put(put_into, days_of(3))
    assert bring(put_into, lake).revisions == 2
    reading = SqliteLog(tmp_path / "mirror", readonly=True)
    assert bring(reading, lake).events == 0
    reading.close()
    put_into.close()


def test_a_lake_is_of_one_log(tmp_path: Path, log: SqliteLog, lake: Path) -> None:
    put(log, days_of(2))
    bring(log, lake)
    other = SqliteLog(tmp_path / "other")
    with pytest.raises(BadRequest, match="another log"):
        bring(other, lake)
    other.close()
    put(log, days_of(3)[12:])
    log.trim(before_arrival=30_001 * DAY)
    with pytest.raises(BadRequest, match="dropped offsets"):
        bring(log, lake)


def test_what_is_missing_or_damaged_is_said(log: SqliteLog, lake: Path) -> None:
    with pytest.raises(NotFound, match="no lake"):
        state_at(PLAN, lake, utc_day(START))
    put(log, days_of(3))
    with locked(lake), pytest.raises(Unavailable, match="Another run"):
        bring(log, lake)
    bring(log, lake)
    with pytest.raises(NotFound, match="2024-10-06"):
        state_at(PLAN, lake, utc_day(START + 2 * DAY))
    (tiles,) = lake.glob("facts/day=2024-10-04/*/tiles.parquet")
    tiles.write_bytes(tiles.read_bytes()[:40])
    with pytest.raises(CorruptData, match="cannot be read"):
        state_at(PLAN, lake, utc_day(START))
    bring(log, lake, replace(PLAN, postings=replace(PLAN.postings, per_item=2)))
    for path in lake.glob("events/day=2024-10-05/*"):
        path.unlink()
    with pytest.raises(CorruptData, match="files are gone"):
        bring(log, lake)
    (lake / "lake.json").write_text("{}")
    with pytest.raises(CorruptData, match=r"lake\.json"):
        bring(log, lake)


def test_the_events_are_plain_parquet(log: SqliteLog, lake: Path) -> None:
    put(log, days_of(2))
    bring(log, lake)
    frame = pl.read_parquet(lake / "events", hive_partitioning=True).sort("timestamp")
    assert frame.height == len(days_of(2))
    assert frame["day"].unique().sort().cast(pl.String).to_list() == ["2024-10-04", "2024-10-05"]
    assert frame.schema["properties.price"] == pl.Int64
    assert frame["event_id"].to_list() == [e.id for e in days_of(2)]
    assert contents(lake)
