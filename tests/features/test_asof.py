"""Point in time: any entity a caller can name, from the log alone, as live state had it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.events_made import WIDTHS, histories
from tests.everything import app
from tests.features.test_reader_borders import same, spoken
from tests.model import Event, Model

from afresh.committer import pending
from afresh.features.asof import features_as_of, states_as_of
from afresh.features.engines.embedded import State
from afresh.features.plan import DAY_MS
from afresh.features.reading import Reader
from afresh.log.sqlite import SqliteLog

PLAN = app.plan()


@settings(max_examples=15)
@given(histories(), st.sampled_from(WIDTHS), st.integers(-1, 1), st.data())
def test_as_of_equals_the_model_of_what_was_before(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[Event],
    width: int,
    off: int,
    data: st.DataObject,
) -> None:
    moment = data.draw(st.sampled_from(events)).ts + data.draw(st.sampled_from([0, width])) + off
    log = SqliteLog(tmp_path_factory.mktemp("log"))
    try:
        for at in range(0, len(events), 7):
            log.append([pending(batch_of(PLAN, events[at : at + 7]), 30_000 * DAY_MS)])
        before = Model(PLAN, [event for event in events if event.ts < moment])
        for key in {feature.key for feature in PLAN.features}:
            features = [feature for feature in PLAN.features if feature.key == key]
            names = {before.key(event, key) for event in before.events} - {None}
            asked = {n: s for n in names if (s := spoken(key, n, events)) is not None}
            rows = features_as_of(PLAN, log, key, list(asked.values()), features, moment)
            for name, row in zip(asked, rows, strict=True):
                for feature in features:
                    wanted = before.value(feature, name, moment)
                    assert same(row[feature.name], wanted), (name, feature.name, moment)
    finally:
        log.close()


@settings(max_examples=15)
@given(histories(), st.lists(st.sampled_from(WIDTHS), min_size=2, max_size=5), st.data())
def test_one_pass_through_many_moments_is_each_of_them(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[Event],
    widths: list[int],
    data: st.DataObject,
) -> None:
    some = st.sampled_from(events)
    moments = sorted({data.draw(some).ts + width + at for width in widths for at in (-1, 0, 1)})
    log = SqliteLog(tmp_path_factory.mktemp("log"))
    try:
        for at in range(0, len(events), 7):
            log.append([pending(batch_of(PLAN, events[at : at + 7]), 30_000 * DAY_MS)])
        for key, names in {"item_id": ["i1", "i2"], "user_id": ["u1", "s:v1"]}.items():
            features = [feature for feature in PLAN.features if feature.key == key]
            states = states_as_of(PLAN, log, key, names, moments)
            for state, moment in zip(states, moments, strict=True):
                wanted = features_as_of(PLAN, log, key, names, features, moment)
                assert Reader(state).values(key, names, features, moment) == wanted
    finally:
        log.close()


STRANGE = ["", "a\0b", "\0\0\0", "\ud800", "s:", "s:a\0b"]


@pytest.mark.parametrize("key", ["item_id", "user_id", "session_id", "brand", "item.category"])
def test_names_that_no_entity_can_have_are_unknown_and_harm_no_other(
    key: str, tmp_path: Path
) -> None:
    event = Event("e", "view", 5, "x", "x", "x", {"brand": "x", "item.category": "x"})
    state = State(PLAN)
    state.fold(batch_of(PLAN, [event]))
    assert state.find(key, [*STRANGE, "x"]).tolist()[:-1] == [-1] * len(STRANGE)
    assert state.find(key, [*STRANGE, "x"])[-1] >= 0
    log = SqliteLog(tmp_path)
    log.append([pending(batch_of(PLAN, [event]), 5)])
    features = [feature for feature in PLAN.features if feature.key == key]
    rows = features_as_of(PLAN, log, key, [*STRANGE, "x"], features, 9)
    assert rows[-1] == features_as_of(PLAN, log, key, ["x"], features, 9)[0]
    assert [row.pop(key) for row in rows] == [*STRANGE, "x"]
    assert rows[0] == rows[1] == rows[3]
    log.close()
