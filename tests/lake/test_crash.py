"""Killed anywhere, a run leaves a lake that the next run completes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.lake.lakes import bring, contents, days_of, put, revisions

import afresh.lake.events
from afresh.log.sqlite import SqliteLog


@pytest.fixture
def log(tmp_path: Path) -> SqliteLog:
    """Two days of a log in small entries."""
    made = SqliteLog(tmp_path / "log")
    put(made, days_of(2, per_day=3), portion=2)
    return made


def test_a_run_killed_at_any_step_is_completed(log: SqliteLog, tmp_path: Path) -> None:
    bring(log, tmp_path / "whole")
    put(log, days_of(3, per_day=3)[6:], portion=2)
    bring(log, tmp_path / "whole")
    (tmp_path / "lakes").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.lake.killed", str(tmp_path / "log"), str(tmp_path / "lakes")],
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    died = int(done.stdout)
    assert died == 2 * 7  # three days of events, what was brought, the plan, two days of facts
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

    from tests.lake.lakes import HOUR, PLAN

    from afresh.lake import run

    with pytest.raises(KeyboardInterrupt):
        run(PLAN, log, tmp_path / "lake", horizon_ms=HOUR, progress=until_the_second)
    assert bring(log, tmp_path / "lake").events == 6 - brought[-1] == 2
    assert contents(tmp_path / "lake") == contents(tmp_path / "whole")
    log.close()
