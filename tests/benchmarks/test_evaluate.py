"""The histories that evaluations run on, and what is asked of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from benchmarks._bandit import _log, _made, _probabilities
from benchmarks._histories import FOLDERS, history
from benchmarks.evaluate import APPS, CASES, measured

from afresh.evaluation.run import evaluate
from afresh.evaluation.wanted import Wanted
from afresh.loading import check, load


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_can_be_asked(case, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path, missing = history(case.name, None, tmp_path)
    assert "no folder was given" in missing
    app = APPS / case.app
    assert check(app) == []
    names = {surface.name for surface in load(app).surfaces}
    assert {case.wanted.surface, "trends"} <= names
    kinds = {event.name for event in load(app).plan().events}
    assert set(pl.read_parquet(path)["event_type"].unique()) <= kinds
    column = (case.test or "").partition("=")[0]
    assert not column or column in pl.read_parquet(path).columns
    for name in case.musts:
        assert name == "young" or int(name.partition("@")[2]) in case.wanted.at


def test_a_folder_of_ones_own_is_read_as_it_is_shaped(tmp_path: Path) -> None:
    where = tmp_path / FOLDERS["online_retail"][0]
    where.mkdir()
    lines = [(5, "i1", 7, "b1", 2, 1.0), (6, "i2", -1, "b2", 1, 2.0), (7, "i3", 7, "b3", -1, 2.0)]
    columns = ["ts", "item", "user", "basket", "quantity", "price"]
    pl.DataFrame(lines, schema=columns, orient="row").write_parquet(where / "events.parquet")
    path, missing = history("online_retail", tmp_path, tmp_path)
    assert missing == ""
    said = pl.read_parquet(path)
    assert said["user_id"].to_list() == ["7", None]  # a guest, and a return that is left out
    assert said["session_id"].to_list() == ["b1", "b2"]


def test_a_figure_is_read_from_the_summary(tmp_path: Path) -> None:
    path, _ = history("rsc15", None, tmp_path)
    pl.read_parquet(path).sort("timestamp").tail(4_000).write_parquet(path)
    found = evaluate(load(APPS / "clicks.py"), path, Wanted(sample=50))
    hr = found.overall.measures["HR"][20]
    assert measured(found, "HR@20") == (hr.value, hr.se)
    young = next(s for s in found.segments if s.value == "young, under 1d")
    assert measured(found, "young")[0] == young.scores.measures["HR"][20].value


def test_the_made_up_bandit_has_what_a_log_needs() -> None:
    choices = _made(500)
    log = _log(choices, "bts")
    assert log.columns == ["item_id", "position", "propensity", "reward"]
    shares = _probabilities(log).group_by("position").agg(pl.col("probability").sum())
    assert shares["probability"].to_list() == pytest.approx([1.0] * 3)
