"""A file of events as a stream: its order, its ties, and stretches of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evaluation.histories import START, event, shop, stream_of, walks, written

from afresh.errors import BadRequest
from afresh.evaluation.stream import place_in, read_stream
from afresh.evaluation.wanted import Wanted


def test_events_of_any_order_are_put_in_that_of_time(tmp_path: Path) -> None:
    events = walks(30)
    stream = stream_of(events[::-1], tmp_path)
    assert (np.diff(stream.ts) >= 0).all()
    assert sorted(stream.ts.tolist()) == sorted(e["timestamp"] for e in events)
    said = zip(stream.sessions, (stream.items[i] for i in stream.item), stream.ts, strict=True)
    assert set(said) == {(e["session_id"], e["item_id"], e["timestamp"]) for e in events}


def test_a_session_is_never_a_user_of_the_same_name(tmp_path: Path) -> None:
    events = [event("a", "x", 0), event("b", "y", 1, user_id="a"), event("a", "z", 2)]
    events.append({**event("", "x", 3, user_id="a"), "session_id": None})
    stream = stream_of(events, tmp_path)
    session, person = stream.session.tolist(), stream.person.tolist()
    assert session[0] == session[2] != session[1]
    assert person[0] == person[2] != person[1] == person[3]
    assert session[3] not in session[:3]


def test_events_of_a_session_at_one_moment_are_one_group_or_a_millisecond_apart(
    tmp_path: Path,
) -> None:
    events = [event("a", item, 5) for item in "xyz"] + [event("b", "x", 5), event("a", "x", 9)]
    together = stream_of(events, tmp_path)
    assert together.group.tolist() == [0, 0, 0, 1, 2]
    in_order = stream_of(events, tmp_path, Wanted(ties="in-order"))
    assert in_order.group.tolist() == [0, 1, 2, 3, 4]
    mine = [i for i, s in enumerate(in_order.sessions) if s == "a"]
    assert [in_order.items[in_order.item[i]] for i in mine] == ["x", "y", "z", "x"]
    assert in_order.ts[mine].tolist() == [START + 5, START + 6, START + 7, START + 9]
    assert in_order.stamp[mine].tolist() == [START + 5] * 3 + [START + 9]
    orders = {
        tuple(stream_of(events, tmp_path, Wanted(ties="shuffled", seed=s)).item.tolist())
        for s in range(12)
    }
    assert len(orders) > 3


def test_a_stretch_is_what_take_gives(tmp_path: Path) -> None:
    stream = stream_of(walks(20), tmp_path)
    for first, last in ((0, 5), (3, 4), (7, len(stream)), (0, len(stream))):
        one, other = stream.stretch(first, last), stream.batch.take(np.arange(first, last))
        assert one.encode() == other.encode()


def test_an_event_said_twice_is_one_and_a_bad_row_is_counted(tmp_path: Path) -> None:
    events = [event("a", "x", at, event_id=f"e{at}") for at in (1, 2, 2)]
    events.append(event("a", "x", 3, event_id="e3", event_type="unheard of"))
    stream = stream_of(events, tmp_path)
    assert stream.event_ids == ["e1", "e2"]
    assert stream.rejects.codes == {"unknown_event_type": 1}


def test_only_what_was_done_to_an_item_counts_and_the_rest_is_folded_too(tmp_path: Path) -> None:
    events = [event("a", "x", 0), {**event("a", "x", 1), "item_id": None}]
    events += [event("a", "y", 2, event_type="hide"), event("a", "x", 3)]
    stream = stream_of(events, tmp_path)
    assert stream.counts.tolist() == [True, False, False, True]
    assert stream.item.tolist() == [0, -1, 1, 0]
    assert len(stream) == 4
    with pytest.raises(BadRequest, match="No event of a type that has a weight"):
        stream_of(events[1:3], tmp_path)


def test_a_test_column_marks_rows_and_one_that_is_not_there_is_said(tmp_path: Path) -> None:
    events = [event("a", "x", at, part="test" if at > 2 else "train") for at in range(5)]
    stream = stream_of(events, tmp_path, test="part=test")
    assert stream.marked.tolist() == [False, False, False, True, True]
    with pytest.raises(BadRequest, match="no column 'split'"):
        stream_of(events, tmp_path, test="split=test")


def test_a_file_without_an_event_to_read_says_why(tmp_path: Path) -> None:
    path = written([event("a", "x", 0, event_type="unheard of")], tmp_path / "e.parquet")
    with pytest.raises(BadRequest, match="No event of"):
        read_stream(path, shop().plan().accepted)


@given(st.lists(st.integers(0, 5), max_size=40))
def test_the_place_among_its_own(group: list[int]) -> None:
    found = place_in(np.array(group, np.int64)).tolist()
    assert found == [group[:at].count(each) for at, each in enumerate(group)]
