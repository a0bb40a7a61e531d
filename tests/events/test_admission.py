"""The door's memory and its clock."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.events.test_door import HOUR, NOW, NoCatalog, event
from tests.everything import app

from afresh.events.admission import Admission, Admitted
from afresh.events.batch import EventBatch, decode_batch
from afresh.events.columnar import Columnar
from afresh.events.decode import EventDecoder
from afresh.events.duplicates import CONFLICT, DUPLICATE, NEW, Duplicates

PLAN = app.plan()
DECODER, COLUMNAR = EventDecoder(PLAN.accepted), Columnar(PLAN.accepted)


def batch(*events: dict[str, Any]) -> EventBatch:
    decoded = DECODER.decode(json.dumps(events).encode())
    assert decoded.rejected == []
    return COLUMNAR.columns(decoded.events).batch


def codes(admitted: Admitted) -> tuple[int, int, list[str]]:
    return (
        admitted.batch.n,
        len(admitted.duplicates),
        [rejection.code for rejection in admitted.rejected],
    )


@pytest.fixture
def door() -> Admission:
    return Admission(NoCatalog())


def test_the_same_event_again_is_a_duplicate_another_a_conflict(door: Admission) -> None:
    said = event(event_id="e", value="1.10", properties={"brand": "red"})
    assert codes(door.admit(batch(said), NOW)) == (1, 0, [])
    assert codes(door.admit(batch(said), NOW + 1)) == (0, 1, [])
    others: list[dict[str, Any]] = [
        {"value": "1.11"}, {"value": None}, {"timestamp": NOW - 1}, {"user_id": "w"},
        {"item_id": None}, {"session_id": "s"}, {"properties": {"brand": "blue"}},
        {"properties": None}, {"event_type": "cart"}, {"properties": {"brand": "red", "level": 0}},
    ]  # fmt: skip
    for other in others:
        assert codes(door.admit(batch({**said, **other}), NOW)) == (0, 0, ["conflict"]), other


def test_the_content_of_an_event_does_not_depend_on_its_neighbours(door: Admission) -> None:
    plain, rich = event(event_id="e"), event(event_id="f", value=1, properties={"brand": "b"})
    door.admit(batch(plain), NOW)
    admitted = door.admit(batch(rich, plain, rich), NOW)
    assert codes(admitted) == (1, 2, [])
    assert admitted.rows.tolist() == [0]


def test_within_one_body_the_first_counts(door: Admission) -> None:
    admitted = door.admit(batch(*[event(event_id="e", value=v) for v in (1, 1, 2)]), NOW)
    assert codes(admitted) == (1, 1, ["conflict"])
    assert admitted.batch.numbers["value"].tolist() == [100]


def test_a_timestamp_ahead_is_lowered_and_kept(door: Admission) -> None:
    admitted = door.admit(batch(event(timestamp=NOW + 5), event(timestamp=NOW)), NOW)
    assert admitted.batch.ts.tolist() == [NOW, NOW]
    assert admitted.batch.sent_ts is not None
    assert admitted.batch.sent_ts.tolist() == [NOW + 5, np.iinfo(np.int64).min]


def test_the_clock_never_runs_backwards(door: Admission) -> None:
    door.admit(batch(event()), NOW)
    admitted = door.admit(batch(event(timestamp=NOW - 24 * HOUR - 1)), NOW - HOUR)
    assert codes(admitted) == (0, 0, ["too_late"])
    assert door.clock == NOW


def test_a_late_event_goes_to_the_late_stream_as_it_was_sent(door: Admission) -> None:
    late = event(timestamp=5, event_id="e", value="1.25", properties={"brand": "b"})
    ((ts, payload),) = door.admit(batch(event(), late), NOW).late
    told = json.loads(payload)
    assert ts == told.pop("timestamp") == 5
    wanted = {"event_id": "e", "event_type": "buy", "user_id": "u", "item_id": "i", "brand": "b"}
    assert told == {**wanted, "value": 125}


def test_what_the_log_refused_was_never_here(door: Admission) -> None:
    said = batch(event(event_id="e"), event(event_id="f"))
    door.take_back(door.admit(said, NOW))
    assert codes(door.admit(said, NOW)) == (2, 0, [])
    assert codes(door.admit(said, NOW)) == (0, 2, [])


def test_after_a_restart_the_log_teaches_the_door(door: Admission) -> None:
    events = [event(event_id="e", timestamp=NOW + 9, value=1), event(event_id="f")]
    logged = decode_batch(door.admit(batch(*events), NOW).batch.encode())
    fresh = Admission(NoCatalog())
    fresh.remember(logged, NOW)
    assert fresh.clock == NOW
    assert codes(fresh.admit(batch(*events), NOW + 1)) == (0, 2, [])
    changed = batch({**events[0], "value": 2})
    assert codes(fresh.admit(changed, NOW + 1)) == (0, 0, ["conflict"])


@pytest.mark.parametrize("horizon", [24 * HOUR, 0, 1, 999, 1500, 86_399_999])
@pytest.mark.parametrize("start", [NOW, NOW + 999])
def test_a_copy_is_known_as_long_as_one_can_come(horizon: int, start: int) -> None:
    """First an hour ahead of its time, last when it is as old as the door admits."""
    door = Admission(NoCatalog(), horizon_ms=horizon)
    said = event(event_id="e", timestamp=start + HOUR)
    last = start + HOUR + horizon
    assert codes(door.admit(batch(said), start)) == (1, 0, [])
    assert codes(door.admit(batch(said), last)) == (0, 1, [])
    assert codes(door.admit(batch(said), last + 1)) == (0, 0, ["too_late"])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 1), st.integers(0, 9)), max_size=60))
def test_duplicates_equal_a_dictionary(calls: list[tuple[int, int, int]]) -> None:
    horizon, known, second = 10, dict[int, tuple[int, int]](), 100
    door = Duplicates(horizon)
    for name, content, passed in calls:
        second += passed
        was = known.get(name)
        wanted = NEW
        if was is not None and second - was[1] < horizon:
            wanted = DUPLICATE if was[0] == content else CONFLICT
        else:
            known[name] = content, second
        ids = np.array([[name * 1024 + 7], [name]], np.uint64)  # they share a slot
        got = door.admit(ids, np.array([content << 40], np.uint64), second * 1000)
        assert got.tolist() == [wanted]


def test_many_ids_are_all_remembered() -> None:
    door, n = Duplicates(1000), 50_000
    ids = np.random.default_rng(1).integers(0, 2**63, (2, n)).astype(np.uint64)
    content = np.zeros(n, np.uint64)
    for at in range(0, n, 7000):
        cut = slice(at, at + 7000)
        assert not door.admit(ids[:, cut], content[cut], 5_000_000).any()
    assert (door.admit(ids, content, 5_900_000) == DUPLICATE).all()
    again = Duplicates(1000)
    again.restore(door.dump())
    assert (again.admit(ids, content, 5_900_000) == DUPLICATE).all()
    again.forget(ids[:, :100])
    assert (again.admit(ids, content, 5_900_000) == NEW).sum() == 100
    assert (door.admit(ids, content, 7_000_000) == NEW).all()


def test_a_session_that_is_another_user_already_is_refused() -> None:
    door = Admission(NoCatalog(), linked={"s1": "ann"}.get)
    events = [
        {
            "event_id": name,
            "event_type": "identify",
            "timestamp": NOW,
            "session_id": s,
            "user_id": u,
        }
        for name, s, u in (("a", "s1", "bob"), ("b", "s1", "ann"), ("c", "s2", "bob"))
    ]
    admitted = door.admit(batch(*events), NOW)
    assert [(r.index, r.code, r.path) for r in admitted.rejected] == [
        (0, "session_already_linked", "$.session_id")
    ]
    assert admitted.batch.strings("event_id") == ["b", "c"]


def test_of_two_users_of_a_session_the_first_to_come_stays() -> None:
    def says(name: str, user: str) -> dict[str, object]:
        return {"event_id": name, "event_type": "identify", "timestamp": NOW, "session_id": "s",
                "user_id": user}  # fmt: skip

    folded: dict[str, str] = {}
    door = Admission(NoCatalog(), linked=folded.get)
    first = door.admit(batch(says("a", "ann"), says("b", "bob"), says("c", "ann")), NOW)
    assert [(r.index, r.code) for r in first.rejected] == [(1, "session_already_linked")]
    assert first.batch.strings("event_id") == ["a", "c"]
    second = door.admit(batch(says("d", "bob"), says("e", "ann")), NOW)  # not folded yet
    assert [r.index for r in second.rejected] == [0]
    door.take_back(second)
    door.take_back(first)
    again = door.admit(batch(says("b", "bob")), NOW)
    assert again.rejected == []
    folded["s"] = "bob"
    assert [r.index for r in door.admit(batch(says("f", "ann")), NOW).rejected] == [0]
