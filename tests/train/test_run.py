"""A training run: better than what was there, the same again, refused where it cannot work."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.train.shops import filled, history, shop

from afresh.errors import AfreshError, NotFound
from afresh.promoted import FOLDER
from afresh.rank.registry import MODEL, Registry
from afresh.rank.trees import read_trees
from afresh.train.fit import lightgbm
from afresh.train.report import OURS, REPORT, Report, told
from afresh.train.run import Wanted, trained


def test_the_model_orders_later_questions_better_than_the_blend(
    learned: tuple[Path, Report],
) -> None:
    report = learned[1]
    mine, fixed = (report.overall[name] for name in (OURS, "the fixed blend"))
    assert mine.questions == report.judged >= 40
    assert mine.mrr > fixed.mrr + 2 * fixed.mrr_se
    assert report.trees > 0
    assert report.found <= report.questions
    assert sum(report.importance.values()) == pytest.approx(1, abs=0.01)
    assert {"repeats", "new items", "answers worth 1", "answers worth 5"} <= report.segments.keys()
    text = "\n".join(told(report))
    assert "the online blend" in text
    assert f"{mine.hr:.4f}" in text


def test_the_manifest_says_what_it_was_made_from(learned: tuple[Path, Report]) -> None:
    folder, report = learned
    manifest, files = Registry(folder / FOLDER).read("first")
    plan = shop().plan()
    assert (manifest.plan, manifest.surface, manifest.seed) == (plan.hash, "home", 0)
    assert manifest.data.end > manifest.data.first == 0
    assert manifest.data.min_ts < manifest.data.max_ts
    assert {"lightgbm", "numpy", "afresh"} <= manifest.versions.keys()
    names = [column.name for column in manifest.columns]
    assert "views" in names
    assert not set(report.constant) & set(names)
    assert msgspec.json.decode(files[REPORT], type=Report) == report
    assert manifest.metrics["hr"] == report.overall[OURS].hr


def test_lightgbm_opens_the_file_and_scores_the_same(learned: tuple[Path, Report]) -> None:
    manifest, files = Registry(learned[0] / FOLDER).read("first")
    booster = lightgbm().Booster(model_str=files[MODEL].decode())
    x = np.random.default_rng(0).lognormal(0, 2, (200, len(manifest.columns))).astype(np.float32)
    trees = read_trees(files[MODEL].decode(), len(manifest.columns))
    assert np.array_equal(trees(x), booster.predict(x))


def test_the_same_log_and_seed_give_the_same_bytes_whatever_the_threads(folder: Path) -> None:
    registry = Registry(folder / FOLDER)
    first = registry.read("first")[1][MODEL]
    for name, wanted in (
        ("again", Wanted(name="again", rows=40_000, threads=1)),
        ("other", Wanted(name="other", rows=40_000, seed=1)),
    ):
        trained(shop(), folder, wanted)
        assert (registry.read(name)[1][MODEL] == first) == (name == "again")


def test_a_second_model_is_compared_with_the_one_that_ranks(folder: Path) -> None:
    Registry(folder / FOLDER).promote("home", "first", 1)
    report = trained(shop(), folder, Wanted(name="second", rows=40_000))
    assert report.overall["now: first"] == report.overall[OURS]  # it is the same


def test_a_column_can_be_left_out(folder: Path) -> None:
    trained(shop(), folder, Wanted(name="blind", rows=40_000, without=("views",)))
    names = [c.name for c in Registry(folder / FOLDER).manifest("blind").columns]
    assert "views" not in names
    with pytest.raises(NotFound, match="no column 'viewz'") as caught:
        trained(shop(), folder, Wanted(rows=40_000, without=("viewz",)))
    assert "views" in caught.value.hint


def test_a_feature_that_counts_what_is_written_just_before_is_refused(tmp_path: Path) -> None:
    app = shop(knowing=True)
    filled(app, tmp_path, history(400, knowing=True))
    with pytest.raises(AfreshError, match="'opened' knows its own answer"):
        trained(app, tmp_path, Wanted(rows=40_000))
    assert Registry(tmp_path / FOLDER).names() == []
    trained(app, tmp_path, Wanted(rows=40_000, name="without", without=("opened",)))


@pytest.mark.parametrize("sessions", [0, 5])
def test_a_log_with_little_in_it_is_refused(tmp_path: Path, sessions: int) -> None:
    filled(shop(), tmp_path, history(sessions))
    with pytest.raises(AfreshError, match="at least 100 are needed") as caught:
        trained(shop(), tmp_path, Wanted())
    assert "afresh import" in caught.value.hint


def test_an_unknown_surface_is_named(past: Path) -> None:
    with pytest.raises(NotFound, match="'hom'") as caught:
        trained(shop(), past, Wanted(surface="hom"))
    assert "home" in caught.value.hint


def test_progress_is_told_by_stages(past: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(past, tmp_path / "data"))
    stages: dict[str, int] = {}
    trained(
        shop(), folder, Wanted(rows=40_000),
        lambda stage, done, total: stages.update({stage: done}),
    )  # fmt: skip
    assert list(stages) == ["outcomes", "questions", "trees"]


def test_a_whole_model_learns_from_the_latest_too(folder: Path) -> None:
    judged = trained(shop(), folder, Wanted(name="judged", rows=40_000))
    whole = trained(shop(), folder, Wanted(name="whole", rows=40_000, whole=True))
    assert (whole.trees, whole.overall) == (judged.trees, judged.overall)
    models = [Registry(folder / FOLDER).read(name) for name in ("judged", "whole")]
    texts = [files[MODEL].decode() for _, files in models]
    assert texts[0] != texts[1]
    assert [text.count("\nTree=") for text in texts] == [judged.trees] * 2


def test_few_rows_have_smaller_trees(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    leaves = {}
    for name, many in (("few", 10**9), ("many", 0)):
        monkeypatch.setattr("afresh.train.fit.MANY", many)
        trained(shop(), folder, Wanted(name=name, rows=40_000))
        text = Registry(folder / FOLDER).read(name)[1][MODEL].decode()
        said = [line for line in text.splitlines() if line.startswith("num_leaves=")]
        leaves[name] = max(int(line.removeprefix("num_leaves=")) for line in said)
    assert leaves["few"] <= 15 < leaves["many"] <= 31
