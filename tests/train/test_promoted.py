"""What ranks: promoted, exchanged, refused, gone, and asked again of the past."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path

import msgspec
import pytest
from tests.train.shops import opened, shop

from afresh.errors import AfreshError, CorruptData, NotFound
from afresh.promoted import FOLDER
from afresh.rank import trained as module
from afresh.rank.columns import Columns
from afresh.rank.inputs import Inputs
from afresh.rank.manifest import Manifest
from afresh.rank.registry import MANIFEST, MODEL, Registry
from afresh.rank.trained import Chosen, Ranker, load_ranker
from afresh.rank.trees import no_trees
from afresh.request import Arranged
from afresh.runtime import Runtime
from afresh.stages.reranking import OWN, best_rows
from afresh.surface import Query, share

INPUTS = shop().surfaces[0].inputs
ASKED = Query(user_id="u3", session_id="s963")


def registry_of(runtime: Runtime) -> Registry:
    return runtime.promoted.registry


def promoted(runtime: Runtime, name: str) -> None:
    registry_of(runtime).promote("home", name, time.time_ns() // 1_000_000)
    runtime.promoted.look()


def copy_of(folder: Path, name: str, *, model: bytes | None = None, **changed: object) -> None:
    """The model `first` under another name, with something changed, its checksums right."""
    place = folder / FOLDER / name
    shutil.copytree(folder / FOLDER / "first", place)
    manifest = msgspec.json.decode((place / MANIFEST).read_bytes(), type=Manifest)
    manifest.model = name
    for field, value in changed.items():
        setattr(manifest, field, value)
    if model is not None:
        (place / MODEL).write_bytes(model)
        manifest.files[MODEL] = hashlib.sha256(model).hexdigest()
    (place / MANIFEST).write_bytes(msgspec.json.encode(manifest))


def test_a_promoted_model_orders_the_list_and_a_rollback_gives_the_old_one_back(
    runtime: Runtime,
) -> None:
    before = runtime.recommend(ASKED)
    assert before.model == "blend"
    promoted(runtime, "first")
    answer = runtime.recommend(ASKED)
    assert (answer.model, answer.degraded) == ("first", [])
    scores = [item.score for item in answer.items]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0
    assert {i.item_id for i in answer.items} == {i.item_id for i in before.items}
    assert [i.item_id for i in answer.items] != [i.item_id for i in before.items]
    assert registry_of(runtime).rollback("home", time.time_ns() // 1_000_000) == ""
    runtime.promoted.look()
    again = runtime.recommend(ASKED)
    assert again.model == "blend"
    assert [i.item_id for i in again.items] == [i.item_id for i in before.items]


def test_the_matrix_is_the_one_that_was_learned_from(runtime: Runtime) -> None:
    """What the answer reads of a candidate is what the same question gave as an example."""
    promoted(runtime, "first")
    answer = runtime.recommend(ASKED)
    said = runtime.explain(answer.request_id)
    surfaces = runtime.surfaces
    with runtime.replica.lock:
        now = said.at
        context = surfaces.context(ASKED, now)
        surface = surfaces.by_name["home"]
        scored = surfaces.scored(surface, context, share(surface), Arranged())
        rows = best_rows(scored)
        ranker = surfaces.rankers["home"].ranker
        assert ranker is not None
        x = surfaces.sources.matrix(
            ranker.columns, scored.items[rows], scored.parts[rows], context, share(surface)
        )
        names = runtime.replica.state.items.texts(scored.items[rows])
    own = scored.scores[rows]
    given = dict(zip(names, ranker(x, own).tolist(), strict=True))
    shown = [given[item.item_id] for item in answer.items]
    assert shown == sorted(given.values(), reverse=True)[: len(shown)]
    for item in said.items:
        assert sum(item.terms.values()) == pytest.approx(given[item.item_id], abs=1e-4)
        assert set(item.terms) <= {*ranker.columns.names, "start", OWN}


def test_answers_replay_to_the_byte_whatever_ranks_meanwhile(runtime: Runtime) -> None:
    answers = [runtime.recommend(ASKED)]
    promoted(runtime, "first")
    answers += [runtime.recommend(ASKED), runtime.recommend(Query(user_id="u7"))]
    page = runtime.recommend(Query(user_id="u3", n=5))
    answers += [page, runtime.recommend(Query(user_id="u3", n=5, cursor=page.cursor))]
    answers.append(runtime.rank(ASKED, ["i4", "i0", "unheard of", "i9", "i7"]))
    assert [a.model for a in answers] == ["blend", *["first"] * 5]
    registry_of(runtime).rollback("home", time.time_ns() // 1_000_000)
    runtime.promoted.look()
    assert runtime.recommend(ASKED).model == "blend"
    for answer in answers:
        replay = runtime.explain(answer.request_id, replay=True).replay
        assert replay is not None
        assert replay.same, (bytes(replay.answer), answer)
    assert any(w.terms for w in replay.candidates)


def test_a_caller_s_list_is_ranked_by_the_model(runtime: Runtime) -> None:
    promoted(runtime, "first")
    listed = [item.item_id for item in runtime.recommend(ASKED).items]
    answer = runtime.rank(ASKED, [*sorted(listed), "unheard of"])
    assert answer.model == "first"
    assert [item.item_id for item in answer.items] == [*listed, "unheard of"]


def test_the_past_is_ranked_by_what_ranked_then(runtime: Runtime) -> None:
    newest = runtime.replica.state.newest
    registry_of(runtime).promote("home", "first", newest - 1000)
    runtime.promoted.look()
    models = [
        runtime.recommend_as_of(msgspec.structs.replace(ASKED, as_of=newest - ago)).model
        for ago in (1001, 1000, 0)
    ]
    assert models == ["blend", "first", "first"]


def test_an_answer_whose_model_is_gone_says_so(runtime: Runtime) -> None:
    promoted(runtime, "first")
    answer = runtime.recommend(ASKED)
    shutil.rmtree(registry_of(runtime).folder / "first")
    runtime.promoted._held.clear()
    assert runtime.explain(answer.request_id).items
    with pytest.raises(NotFound, match="'first', which ranked this answer, is gone"):
        runtime.explain(answer.request_id, replay=True)
    assert runtime.recommend(ASKED).model == "first"  # it is in memory


@pytest.mark.parametrize("before", ["", "first"])
def test_a_model_that_cannot_rank_is_named_and_the_one_before_goes_on(
    runtime: Runtime, before: str,
) -> None:  # fmt: skip
    if before:
        promoted(runtime, before)
    copy_of(runtime.folder, "bad", model=b"no model")
    promoted(runtime, "bad")
    answer = runtime.recommend(ASKED)
    assert (answer.model, answer.degraded) == (before or "blend", ["model:bad"])
    assert len(answer.items) > 10
    replay = runtime.explain(answer.request_id, replay=True).replay
    assert replay is not None
    assert replay.same
    assert runtime.left_out["model:bad"] == 1
    promoted(runtime, "first")
    assert runtime.recommend(ASKED).degraded == []


def test_a_damaged_file_of_promotions_changes_nothing(runtime: Runtime) -> None:
    promoted(runtime, "first")
    registry_of(runtime).promoted_file.write_bytes(b"[")
    runtime.promoted.look()
    assert runtime.recommend(ASKED).model == "first"


def test_what_the_definition_no_longer_gives_or_means_is_named(folder: Path) -> None:
    registry = Registry(folder / FOLDER)
    load_ranker(registry, "first", shop().plan(), INPUTS)
    with pytest.raises(AfreshError, match="'views', which means something else"):
        load_ranker(registry, "first", shop(window="2h").plan(), INPUTS)
    fewer = shop()
    fewer._features = fewer._features[1:]  # type: ignore[index]
    with pytest.raises(AfreshError, match=r"'(views|sold)', which the definition no longer gives"):
        load_ranker(registry, "first", fewer.plan(), INPUTS)
    with pytest.raises(AfreshError, match="'source neighbours', which the definition no longer"):
        load_ranker(registry, "first", shop().plan(), Inputs(("sessions", "trending 24h")))
    wider = shop(knowing=True).plan()
    assert wider.hash != shop().plan().hash
    load_ranker(registry, "first", wider, Inputs((*INPUTS.labels, "text")))


def test_numbers_that_are_none_and_slowness_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    registry = Registry(folder / FOLDER)
    text = (folder / FOLDER / "first" / MODEL).read_text()
    line = next(each for each in text.splitlines() if each.startswith("leaf_value="))
    for value in ("nan", "inf"):
        name = f"with-{value}"
        leaves = " ".join([value] * len(line.split("=")[1].split()))
        copy_of(folder, name, model=text.replace(line, f"leaf_value={leaves}").encode())
        with pytest.raises(CorruptData, match="no number"):
            load_ranker(registry, name, shop().plan(), INPUTS)
    copy_of(folder, "later", columns_version=99)
    with pytest.raises(AfreshError, match="columns of version 99"):
        load_ranker(registry, "later", shop().plan(), INPUTS)
    monkeypatch.setattr(module, "SLOWEST_MS", 1e-6)
    with pytest.raises(AfreshError, match="ms are allowed"):
        load_ranker(registry, "first", shop().plan(), INPUTS)


def test_a_learned_surface_is_ranked_on_top_of_what_it_has_learned(folder: Path) -> None:
    runtime = opened(shop("learned"), folder)
    try:
        assert runtime.recommend(ASKED).model == "softmax"
        promoted(runtime, "first")
        answer = runtime.recommend(ASKED)
        assert answer.model == "first"
        replay = runtime.explain(answer.request_id, replay=True).replay
        assert replay is not None
        assert replay.same
    finally:
        runtime.close()


def test_nothing_is_ranked_by_what_is_not_folded_yet(changed: Runtime) -> None:
    ranker = Ranker("some", Columns(changed.plan, Inputs()), no_trees())
    changed.surfaces.rankers = {"home": Chosen(ranker)}
    answer = changed.recommend(Query(user_id="u1"))
    assert answer.model != "some"
    assert "warming:model" in answer.degraded


def test_it_ranks_from_the_start_after_a_restart(folder: Path) -> None:
    Registry(folder / FOLDER).promote("home", "first", 1)
    runtime = opened(shop(), folder)
    assert runtime.recommend(ASKED).model == "first"
    runtime.close()
