"""A model that was made elsewhere comes by the same door: added, promoted, served, exchanged, asked
again."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from onnx import helper
from tests.rank.graphs import graph, linear
from tests.test_cli import afresh
from tests.train.shops import opened, shop
from tests.train.test_command import DEFINITION, ROOT

from afresh.errors import AfreshError, BadRequest, CorruptData, MissingDependency, NotFound
from afresh.evaluation.ranked import ranked
from afresh.evaluation.wanted import Wanted
from afresh.promoted import FOLDER
from afresh.rank import trained as module
from afresh.rank.columns import Columns
from afresh.rank.graph import SCORE
from afresh.rank.registry import GRAPH, Registry
from afresh.rank.trained import load_ranker, log_odds
from afresh.runtime import Runtime
from afresh.stages.reranking import OWN
from afresh.surface import Query
from afresh.train.adding import added
from afresh.train.card import CARD, NOTHING
from afresh.train.run import Wanted as Training
from afresh.train.run import trained

ASKED = Query(user_id="u3", session_id="s963")
READS = ["events", "views", "source trending 24h"]
INPUTS = shop().surfaces[0].inputs


def put(folder: Path, name: str, weights: list[float], *, on_top: bool = False) -> None:
    added(shop(), folder, linear(weights), name=name, columns=READS, on_top=on_top)


def promoted(runtime: Runtime, name: str) -> None:
    runtime.promoted.registry.promote("home", name, time.time_ns() // 1_000_000)
    runtime.promoted.look()


def test_it_ranks_is_exchanged_and_answers_replay_to_the_byte(runtime: Runtime) -> None:
    put(runtime.folder, "rare", [-5.0, 0.0, 0.0])
    put(runtime.folder, "common", [5.0, 0.0, 0.0])
    own = runtime.recommend(ASKED)
    answers = [own]
    for name in ("common", "rare", "first", "common"):
        promoted(runtime, name)
        answers.append(runtime.recommend(ASKED))
        assert (answers[-1].model, answers[-1].degraded) == (name, [])
    orders = [[item.item_id for item in answer.items] for answer in answers]
    assert orders[1] == orders[4]
    assert not set(orders[1][:5]) & set(orders[2][:5])  # the same column, the other way round
    assert len({tuple(order) for order in orders}) == 4
    answers.append(runtime.rank(ASKED, ["i4", "i0", "unheard of", "i9"]))
    assert runtime.promoted.registry.rollback("home", time.time_ns() // 1_000_000) == ""
    runtime.promoted.look()
    for answer in answers:
        replay = runtime.explain(answer.request_id, replay=True).replay
        assert replay is not None
        assert replay.same


@pytest.mark.parametrize("on_top", [False, True])
def test_scores_replace_the_surface_s_own_or_are_added_to_it(
    runtime: Runtime, on_top: bool
) -> None:
    put(runtime.folder, "mine", [0.5, 0.01, 0.0], on_top=on_top)
    promoted(runtime, "mine")
    ranker = runtime.surfaces.rankers["home"].ranker
    assert ranker is not None
    x, own = np.ones((2, len(ranker.columns.names)), np.float32), np.array([0.1, 0.9])
    assert ranker(x, own) == pytest.approx(0.51 + (log_odds(own) if on_top else 0), abs=1e-6)
    said = runtime.explain(runtime.recommend(ASKED).request_id)
    for item in said.items:
        # The score is told as it is, and of the columns nothing is made up.
        assert {SCORE} <= set(item.terms) <= ({SCORE, OWN} if on_top else {SCORE})
    assert any(OWN in item.terms for item in said.items) == on_top
    totals = [sum(item.terms.values()) for item in said.items]
    assert totals == sorted(totals, reverse=True)


def test_its_folder_says_what_is_known_of_it(folder: Path) -> None:
    put(folder, "mine", [1.0, 2.0, 3.0])
    manifest, files = Registry(folder / FOLDER).read("mine")
    assert (manifest.kind, manifest.on_top) == ("onnx", False)
    assert (manifest.data, manifest.seed, manifest.metrics) == (None, None, {})
    assert [column.name for column in manifest.columns] == READS
    assert [bool(column.meaning) for column in manifest.columns] == [False, True, False]
    assert {"onnxruntime", "afresh"} <= manifest.versions.keys()
    assert manifest.versions["made by"] == "by hand"
    assert files[GRAPH] == linear([1.0, 2.0, 3.0])
    card = files[CARD].decode()
    assert "in the place of the surface's own score" in card
    assert "what it is worth, is not known" in card
    assert card.count(NOTHING) == 5
    assert "it has seen" not in card  # nobody knows
    assert "learned from" not in card
    # A training run is judged beside it.
    Registry(folder / FOLDER).promote("home", "mine", 1)
    report = trained(shop(), folder, Training(name="second", rows=20_000))
    assert "now: mine" in report.overall


def test_the_columns_may_stand_in_its_metadata(folder: Path) -> None:
    added(shop(), folder, linear([1, 1], columns=["trend", "sold"]), name="told")
    manifest = Registry(folder / FOLDER).manifest("told")
    assert [column.name for column in manifest.columns] == ["trend", "sold"]
    with pytest.raises(BadRequest, match="does not say which columns"):
        added(shop(), folder, linear([1, 1]), name="untold")
    made = graph([helper.make_node("Identity", ["x"], ["y"])], {}, takes=("n", 1))
    helper.set_model_props(made, {"columns": "trend, sold"})
    with pytest.raises(CorruptData, match="no list of names"):
        added(shop(), folder, made.SerializeToString(), name="untold")


def test_what_could_not_rank_is_not_added(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def add(data: bytes, columns: list[str] = READS, **more: str) -> None:
        added(shop(), folder, data, **{"name": "bad", **more}, columns=columns)  # type: ignore[arg-type]

    good = linear([1, 2, 3])
    with pytest.raises(NotFound, match="no column 'event'"):
        add(good, ["event", "views", "trend"])
    with pytest.raises(BadRequest, match="'views' is named twice"):
        add(good, ["views", "views", "trend"])
    with pytest.raises(NotFound, match="no surface 'hom'"):
        add(good, surface="hom")
    with pytest.raises(CorruptData, match="takes 3 numbers a candidate, and 2 columns"):
        add(good, ["views", "trend"])
    with pytest.raises(AfreshError, match=r"(?s)scores what is no number.*missing is NaN"):
        add(linear([1, 2, 3], missing=False))
    drawn = [helper.make_node("RandomUniformLike", ["x"], ["r"])]
    drawn.append(helper.make_node("ReduceSum", ["r", "axis"], ["y"], keepdims=1))
    with pytest.raises(AfreshError, match="the same candidates in different ways"):
        add(graph(drawn, {"axis": np.array([1])}).SerializeToString())
    monkeypatch.setattr(module, "SLOWEST_MS", 1e-6)
    with pytest.raises(AfreshError, match="ms are allowed"):
        add(good)
    monkeypatch.setattr(module, "SLOWEST_MS", 10.0)
    with pytest.raises(BadRequest, match="'first' already"):
        add(good, name="first")
    assert Registry(folder / FOLDER).names() == ["first"]
    add(good)


def test_a_server_without_the_library_goes_on_with_what_ranked_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, "mine", [1.0, 2.0, 3.0])
    registry = Registry(folder / FOLDER)
    registry.promote("home", "first", 1)
    registry.promote("home", "mine", 2)
    load_ranker(registry, "mine", shop().plan(), INPUTS)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependency, match="ONNX Runtime"):
        load_ranker(registry, "mine", shop().plan(), INPUTS)
    with pytest.raises(AfreshError, match="'views', which means something else"):
        load_ranker(registry, "mine", shop(window="2h").plan(), INPUTS)
    runtime = opened(shop(), folder)
    try:
        answer = runtime.recommend(ASKED)
        assert (answer.model, answer.degraded) == ("blend", ["model:mine"])
    finally:
        runtime.close()


def test_an_evaluation_says_that_it_does_not_know_what_it_learned_from(folder: Path) -> None:
    put(folder, "mine", [1.0, 2.0, 3.0])
    made = ranked(shop(), folder / FOLDER, Wanted(model="mine"))
    judged = made.judged(pl.DataFrame({"question": [0], "ts": [0]}))
    assert (judged.learned_until, judged.seen) == (None, None)
    assert "What mine learned from is not known" in str(judged.warning)


def test_the_commands(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "app.py").write_text(DEFINITION)
    (tmp_path / "mine.onnx").write_bytes(linear([1, 2, 3]))

    def models(*said: str, ok: bool = True) -> str:
        done = afresh("models", said[0], "app.py", *said[1:], cwd=tmp_path, ok=ok)
        return done.stdout + done.stderr

    every = models("columns").splitlines()
    assert tuple(every) == Columns(shop().plan(), INPUTS).names
    assert json.loads(models("columns", "--json")) == every
    (tmp_path / "columns.txt").write_text("".join(f"{name}\n" for name in READS))
    said = models(
        "add", "mine", "--onnx", "mine.onnx", "--columns", "columns.txt", "--on-top", "--data",
        "data",
    )  # fmt: skip
    assert "mine reads 3 columns; its scores are added to the surface's own" in said
    assert "models promote app.py mine" in said
    listed = models("list", "--data", "data")
    assert "HR@20 –" in listed
    judged = json.loads(models("show", "first", "--data", "data", "--json"))["manifest"]["metrics"]
    assert f"HR@20 {judged['hr']:.4f}" in listed
    assert judged["hr"] > 0.9
    shown = models("show", "mine", "--data", "data")
    assert "seed:        not known" in shown
    assert "scores:      on top of the surface's own" in shown
    assert models("card", "mine", "--data", "data").startswith("# Model card: mine")
    assert "kind" in models("diff", "first", "mine", "--data", "data")
    assert models("promote", "mine", "--data", "data") == "mine ranks from now on\n"
    failed = models("add", "mine", "--onnx", "none.onnx", "--data", "data", ok=False)
    assert "There is no file none.onnx" in failed
