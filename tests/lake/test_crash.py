"""Killed anywhere, a run leaves a lake that the next run completes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from tests.lake.lakes import HOUR, PLAN, bring, contents, days_of, put, revisions

import afresh.lake.events
from afresh.lake import run
from afresh.lake.progress import Progress
from afresh.log.sqlite import SqliteLog


@pytest.fixture
def log(tmp_path: Path) -> SqliteLog:
    """Two days of a log in small entries."""
    made = SqliteLog(tmp_path / "log")
    put(made, days_of(2, per_day=3), portion=2)
    return made


def test_a_run_killed_at_any_step_is_completed(log: SqliteLog, tmp_path: Path) -> None:
    put(log, days_of(3, per_day=3)[6:], portion=2)
    (tmp_path / "lakes").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.lake.killed", str(tmp_path / "log"), str(tmp_path / "lakes")],
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    died = int(done.stdout)
    assert died == 2 * 7  # three days of events, what was brought, the plan, two days of facts
    put(log, days_of(4, per_day=3)[9:], portion=2)
    bring(log, tmp_path / "whole")
    wanted = contents(tmp_path / "whole")
    for n in range(1, died + 1):
        lake = tmp_path / "lakes" / str(n)
        bring(log, lake)
        assert contents(lake) == wanted, n
        assert set(revisions(lake).values()) == {1}
        assert bring(log, lake).revisions == 0
        assert not list(lake.rglob(".*"))
    log.close()


def test_a_run_broken_off_between_chunks_goes_on_from_there(
    log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(afresh.lake.events, "CHUNK", 1)
    bring(log, tmp_path / "whole")
    brought: list[int] = []

    def until_the_second(stage: str, done: int, total: int) -> None:
        brought.append(done)
        if len(brought) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(PLAN, log, tmp_path / "lake", horizon_ms=HOUR, progress=until_the_second)
    assert bring(log, tmp_path / "lake").events == 6 - brought[-1] == 2
    assert contents(tmp_path / "lake") == contents(tmp_path / "whole")
    log.close()


def test_what_was_not_counted_is_gone_when_the_log_has_it_no_more(
    log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Progress, "save", broken_off)
        with pytest.raises(KeyboardInterrupt):
            bring(log, tmp_path / "lake")
    assert list(tmp_path.glob("lake/events/*/*.parquet"))
    log.rewrite(0, log.end, lambda entry: None if entry.offset == 0 else entry)
    bring(log, tmp_path / "lake")
    frame = pl.read_parquet(tmp_path / "lake" / "events", hive_partitioning=True)
    assert sorted(frame["offset"].to_list()) == [2, 3, 4, 5]
    log.close()


def broken_off(*_: object) -> None:
    raise KeyboardInterrupt
