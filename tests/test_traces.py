"""Traces survive a restart, are bounded, and never stand in anybody's way."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import msgspec
import pytest

from afresh.request import Query
from afresh.traces import Trace, Traces, read_traces


def trace(name: str, offset: int = 1) -> Trace:
    query = Query(surface="home", user_id="ann", context={"city": "Oslo"})
    return Trace(
        request_id=name, at=5, offset=offset, query=query, answer=msgspec.Raw(b'{"items":[]}'),
        sources=["sessions"], terms=[[0.5]], removed={"seen": 2},
    )  # fmt: skip


def test_a_trace_is_found_at_once_and_after_a_restart(tmp_path: Path) -> None:
    kept = Traces(tmp_path, 10)
    kept.put(partial(trace, "a"))
    assert kept.get("a") == trace("a")
    kept.put(partial(trace, "b"))
    kept.close()
    again = Traces(tmp_path, 10)
    assert again.get("b") == trace("b")
    assert again.get("c") is None
    again.close()


def test_the_oldest_go(tmp_path: Path) -> None:
    kept = Traces(tmp_path, 3)
    for at in range(5):
        kept.put(partial(trace, f"r{at}"))
        kept.flush()
    assert [kept.get(f"r{at}") is not None for at in range(5)] == [False, False, True, True, True]
    kept.close()


def test_a_crowd_in_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afresh.traces.WAITING", 2)
    monkeypatch.setattr("afresh.traces.EVERY_S", 3600)
    kept = Traces(tmp_path, 10)
    for at in range(5):
        kept.put(partial(trace, f"r{at}"))
    assert (kept.dropped, kept.get("r0"), kept.get("r4") is not None) == (3, None, True)
    kept.close()


def test_none_are_kept_when_none_are_wanted(tmp_path: Path) -> None:
    kept = Traces(tmp_path, 0)
    kept.put(partial(trace, "a"))
    assert kept.get("a") is None
    kept.close()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "traces.sqlite3").write_bytes(b"not a database " * 100)
    kept = Traces(tmp_path, 10)
    kept.put(partial(trace, "a"))
    assert kept.get("a") == trace("a")
    kept.close()


def test_a_share_of_the_answers_is_kept_always_the_same(tmp_path: Path) -> None:
    names = [f"r{n}" for n in range(400)]
    kept = []
    for at, share in enumerate((0.25, 0.25, 0.5)):
        traces = Traces(tmp_path / str(at), 1000, share)
        for name in names:
            traces.put(partial(trace, name))
        kept.append({name for name in names if traces.get(name) is not None})
        traces.close()
    assert kept[0] == kept[1] < kept[2]
    assert 60 < len(kept[0]) < 140
    assert [t.request_id for t in read_traces(tmp_path / "0")] == [n for n in names if n in kept[0]]
    assert list(read_traces(tmp_path / "none")) == []
