"""Which events are asked for, and that none of them is folded before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.histories import event, stream_of, walks

from afresh.errors import BadRequest
from afresh.evaluation.protocol import Part, parts_of
from afresh.evaluation.stream import Stream
from afresh.evaluation.wanted import Protocol, Wanted


def asked(stream: Stream, part: Part) -> set[int]:
    return set(np.flatnonzero(np.isin(stream.group, part.groups)).tolist())


@pytest.mark.parametrize("protocol", ["time", "last", "split"])
def test_nothing_that_is_asked_for_is_folded_before(tmp_path: Path, protocol: Protocol) -> None:
    events = [{**e, "part": "test" if at % 5 == 4 else "train"} for at, e in enumerate(walks(40))]
    wanted = Wanted(protocol=protocol, learn=30)
    stream = stream_of(events, tmp_path, wanted, test="part=test")
    learned, judged = parts_of(stream, wanted)
    assert not asked(stream, learned) & set(learned.first.tolist())
    assert not asked(stream, judged) & set(judged.first.tolist())
    assert not asked(stream, judged) & asked(stream, learned)
    assert set(learned.first.tolist()) | asked(stream, learned) == set(judged.first.tolist())
    assert asked(stream, judged)


def test_time_asks_what_comes_after_the_warm_up_and_cuts_no_moment(tmp_path: Path) -> None:
    events = [event("a", "x", at // 4 * 1000) for at in range(20)]
    stream = stream_of(events, tmp_path, Wanted(ties="in-order"))
    judged = parts_of(stream, Wanted(ties="in-order", warm_up=0.5))[-1]
    assert asked(stream, judged) == set(range(8, 20))  # the tenth row is of the third moment
    assert judged.moves
    assert not parts_of(stream, Wanted(ties="in-order", model_lag=None))[-1].moves


def test_last_asks_each_visitors_last_and_learns_from_the_one_before(tmp_path: Path) -> None:
    rows = [("a", 0), ("b", 1), ("a", 2), ("c", 3), ("a", 4), ("b", 5)]
    events = [{**event("", "x", at, user_id=user), "session_id": None} for user, at in rows]
    wanted = Wanted(protocol="last")
    stream = stream_of(events, tmp_path, wanted)
    learned, judged = parts_of(stream, wanted)
    assert asked(stream, judged) == {4, 5}  # c has nothing before its only one
    assert asked(stream, learned) == {2}


def test_a_sample_is_drawn_of_those_of_whom_enough_is_known(tmp_path: Path) -> None:
    stream = stream_of(walks(60), tmp_path)
    every = parts_of(stream, Wanted(least=2))[-1]
    some = parts_of(stream, Wanted(least=2, sample=20))[-1]
    again = parts_of(stream, Wanted(least=2, sample=20))[-1]
    assert some.groups.tolist() == again.groups.tolist()
    assert len(some.groups) == 20
    assert set(some.groups.tolist()) < set(every.groups.tolist())
    for row in asked(stream, every):
        assert (stream.session[:row] == stream.session[row]).sum() >= 2


def test_only_the_types_that_are_named_are_asked_for(tmp_path: Path) -> None:
    events = [event("a", "x", at, event_type=["view", "hide"][at % 2]) for at in range(10)]
    stream = stream_of(events, tmp_path)
    assert asked(stream, parts_of(stream, Wanted(warm_up=0.0))[-1]) == {0, 2, 4, 6, 8}
    assert parts_of(stream, Wanted(warm_up=0.0, least=2))[-1].groups.tolist() == [4, 6, 8]
    with pytest.raises(BadRequest, match="no type of event 'vew'"):
        parts_of(stream, Wanted(target=("vew",)))
    with pytest.raises(BadRequest, match="no event to ask for"):
        parts_of(stream, Wanted(target=("hide",)))  # of no weight


def test_a_file_with_nothing_to_ask_for_says_what_to_do(tmp_path: Path) -> None:
    stream = stream_of([event("a", "x", 0)], tmp_path)
    with pytest.raises(BadRequest, match="no event to ask for") as error:
        parts_of(stream, Wanted(protocol="last"))
    assert "two events" in error.value.hint
