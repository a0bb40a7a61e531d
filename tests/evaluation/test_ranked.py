"""A trained ranker's order is judged as it would be served, and not by what it has seen unsaid."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import polars as pl
import pytest
from tests.test_cli import afresh
from tests.train.shops import Said, filled, history, opened, shop

from afresh.errors import AfreshError, BadRequest, NotFound
from afresh.evaluation.outcome import Outcome
from afresh.evaluation.ranked import ranked
from afresh.evaluation.report import page
from afresh.evaluation.run import evaluate
from afresh.evaluation.stream import read_stream
from afresh.evaluation.terminal import lines
from afresh.evaluation.walk import evaluated
from afresh.evaluation.wanted import Wanted
from afresh.promoted import FOLDER
from afresh.rank.registry import MODEL, Registry
from afresh.request import Query
from afresh.train import run as training

BEFORE = 0.7
"""The share of the history that the model learns from."""
SHOP = """
from afresh import App, Features, count, daily, neighbours, sliding, total, trending
app = App("trained")
view, buy = app.event("view"), app.event("buy", 5, price=int)
app.event("opened", 0)


class Pulse(Features, key="item_id"):
    views = count(view, window=sliding("1h"))
    sold = total(buy.price, window=daily(7))


class Person(Features, key="user_id"):
    looks = count(view, window=daily(7))


app.surface("home", sources=[neighbours(), trending("24h")], filters=[])
app.surface("other", sources=[trending("24h")], filters=[])
"""


@pytest.fixture(scope="module")
def events() -> list[Said]:
    return history(900)


@pytest.fixture(scope="module")
def folder(events: list[Said], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model `early` of the first part, and all of it as a file."""
    made = tmp_path_factory.mktemp("judged")
    early = made / "early"
    filled(shop(), early, events[: int(BEFORE * len(events))])
    training.trained(shop(), early, training.Wanted(name="early", rows=30_000))
    Registry(early / FOLDER).promote("home", "early", 0)
    rows = [{k: v for k, v in e.items() if k != "properties"} for e in events]
    rows = [{**r, "properties.price": 3 if r["event_type"] == "buy" else None} for r in rows]
    pl.DataFrame(rows).write_parquet(made / "events.parquet")
    (made / "app.py").write_text(SHOP)
    return made


def asked(folder: Path, wanted: Wanted) -> Outcome:
    app = shop()
    stream = read_stream(folder / "events.parquet", app.plan().accepted)
    assert not len(stream.rejects)
    made = ranked(app, folder / "early" / FOLDER, wanted) if wanted.model else None
    return evaluated(app, stream, wanted, ranked=made)


def test_the_lists_are_those_of_a_runtime_that_the_model_ranks(
    folder: Path, events: list[Said], tmp_path: Path
) -> None:
    outcome = asked(folder, Wanted(model="promoted", warm_up=BEFORE, sample=12))
    assert outcome.left_out == {}
    runtime = opened(shop(), tmp_path / "whole")
    try:
        for at in range(0, len(events), 200):
            runtime.ingest(b"\n".join(map(msgspec.json.encode, events[at : at + 200])))
        (tmp_path / "whole" / FOLDER).mkdir(exist_ok=True)
        early = folder / "early" / FOLDER
        for file in early.rglob("*"):
            if file.is_file():
                place = tmp_path / "whole" / FOLDER / file.relative_to(early)
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(file.read_bytes())
        runtime.promoted.look()
        said = {e["event_id"]: e for e in events}
        for question, event in outcome.targets.select("question", "event").iter_rows():
            e = said[event]
            answer = runtime.recommend_as_of(
                Query(
                    user_id=str(e["user_id"]), session_id=str(e["session_id"]), n=20,
                    as_of=int(str(e["timestamp"])),
                )
            )  # fmt: skip
            assert answer.model == "early"
            listed = outcome.lists[question]
            names = [outcome.items[item] for item in listed[listed >= 0].tolist()]
            assert names == [item.item_id for item in answer.items]
    finally:
        runtime.close()


def test_with_and_without_the_model_are_compared_on_the_same_later_questions(
    folder: Path, tmp_path: Path
) -> None:
    models, file = folder / "early" / FOLDER, folder / "events.parquet"
    own = Wanted(warm_up=BEFORE)
    plain = evaluate(shop(), file, own, save=tmp_path / "own.parquet")
    assert plain.model is None
    assert "in the surface's own order" in "\n".join(lines(plain))
    found = evaluate(
        shop(), file, Wanted(model="promoted", warm_up=BEFORE), models=models,
        against=tmp_path / "own.parquet",
    )  # fmt: skip
    assert found.wanted.model == "early"
    assert found.model is not None
    assert (found.model.seen, found.model.warning) == (0, None)
    assert found.compared is not None
    assert (found.compared.left_out, found.compared.model) == (0, None)
    gap = next(d for d in found.compared.differences if (d.measure, d.k) == ("MRR", 20))
    assert gap.difference > 0
    assert gap.p < 0.05
    text = "\n".join(lines(found))
    assert "ranked by early" in text
    assert "warning" not in text
    assert "ranked by early" in page(found)
    assert 'class="warning"' not in page(found)


def test_questions_that_it_may_have_learned_from_are_warned_of(
    folder: Path, tmp_path: Path
) -> None:
    models, file = folder / "early" / FOLDER, folder / "events.parquet"
    saved = tmp_path / "seen.parquet"
    found = evaluate(
        shop(), file, Wanted(model="early", warm_up=0.5, sample=300), models=models, save=saved
    )
    assert found.model is not None
    until = found.model.learned_until
    asked_before = pl.read_parquet(saved).unique("question").filter(pl.col("ts") <= until).height
    assert 0 < found.model.seen == asked_before < found.model.questions
    assert f"{asked_before:,} of these {found.model.questions:,} are no later" in str(
        found.model.warning
    )
    assert f"warning: {found.model.warning}" in list(lines(found))
    assert 'class="warning"' in page(found)
    # And where it is the other one of a comparison.
    later = evaluate(shop(), file, Wanted(warm_up=0.5, sample=300), against=saved)
    assert later.compared is not None
    assert later.compared.model == found.model
    assert f"warning: {found.model.warning}" in list(lines(later))


def test_the_last_moment_that_it_learned_from_counts_as_seen(folder: Path) -> None:
    made = ranked(shop(), folder / "early" / FOLDER, Wanted(model="early"))
    end = made.data.max_ts
    for ts, seen in ((end - 1, 1), (end, 1), (end + 1, 0)):
        judged = made.judged(pl.DataFrame({"question": [0, 0], "ts": [ts, ts]}))
        assert (judged.seen, judged.questions, judged.warning is None) == (seen, 1, not seen)


def test_a_model_that_cannot_rank_is_refused_as_when_it_is_promoted(
    folder: Path, tmp_path: Path
) -> None:
    models = folder / "early" / FOLDER
    with pytest.raises(NotFound, match="There is no model 'erly'"):
        ranked(shop(), models, Wanted(model="erly"))
    with pytest.raises(NotFound, match=r"No model of .* ranks 'home'"):
        ranked(shop(), tmp_path, Wanted(model="promoted"))
    with pytest.raises(AfreshError, match="'views', which means something else"):
        ranked(shop(window="2h"), models, Wanted(model="early"))
    manifest, files = Registry(models).read("early")
    manifest.model, manifest.surface = "elsewhere", "basket"
    Registry(tmp_path).add(manifest, files)
    with pytest.raises(BadRequest, match="ranks the surface 'basket', not 'home'"):
        ranked(shop(), tmp_path, Wanted(model="elsewhere"))
    manifest.model, manifest.surface = "damaged", "home"
    Registry(tmp_path).add(manifest, files | {MODEL: b"no model"})
    with pytest.raises(AfreshError, match="model file cannot be read"):
        ranked(shop(), tmp_path, Wanted(model="damaged"))
    manifest.model = "promoted"
    with pytest.raises(BadRequest, match="cannot name a model"):
        Registry(tmp_path).add(manifest, files)


def test_the_command_judges_the_one_in_force(folder: Path) -> None:
    done = afresh(
        "evaluate", "app.py", "--events", "events.parquet", "--model", "promoted", "--data",
        "early", "--warm-up", "0.9", "--sample", "20", "--json", cwd=folder,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["model"]["name"] == found["wanted"]["model"] == "early"
    failed = afresh(
        "evaluate", "app.py", "--events", "events.parquet", "--model", "early", "--data", "none",
        cwd=folder, ok=False,
    )  # fmt: skip
    assert failed.returncode == 1
    assert "There is no model 'early'" in failed.stderr
