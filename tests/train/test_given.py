"""A ranker of lists that callers give: learned from their traces, read again to the bit."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.train.hotels import Asked, hotels, visited
from tests.train.shops import START, opened

from afresh.errors import AfreshError
from afresh.promoted import FOLDER
from afresh.rank.columns import Columns
from afresh.rank.registry import Registry
from afresh.rank.trained import load_ranker
from afresh.request import Arranged, Query
from afresh.runtime import Runtime
from afresh.stages.given import LONGEST, distinct
from afresh.surface import RANKED
from afresh.train.impressions import joined, looked_again, read_impressions
from afresh.train.outcomes import read_outcomes
from afresh.train.report import OURS, Report, told
from afresh.train.run import Wanted, trained
from afresh.vectors.shelf import Shelf

VISITS = 900
WANTED = Wanted(name="first", rows_from="impressions")
Past = tuple[Path, list[Asked], list[str], Report]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Past:
    folder = tmp_path_factory.mktemp("hotels") / "data"
    asked, taken = visited(folder, VISITS)
    return folder, asked, taken, trained(hotels(), folder, WANTED)


@pytest.fixture
def runtime(learned: Past, tmp_path: Path) -> Iterator[Runtime]:
    """A runtime over a copy of it, in which the model ranks."""
    folder = Path(shutil.copytree(learned[0], tmp_path / "data"))
    Registry(folder / FOLDER).promote("home", "first", time.time_ns() // 1_000_000)
    made = opened(hotels(), folder)
    yield made
    made.close()


def test_the_model_learns_what_only_the_caller_knows(learned: Past) -> None:
    report = learned[3]
    assert (report.rows_from, report.questions, report.given) == ("impressions", VISITS, VISITS)
    mine, shown = (report.overall[name] for name in (OURS, "as it was shown, or given"))
    assert mine.mrr > shown.mrr + 0.3
    assert next(iter(report.importance)) in ("given price to paid", "given price")
    assert f"{VISITS} of them are lists that callers gave, 0 lists of our own" in list(told(report))
    columns = [c.name for c in Registry(learned[0] / FOLDER).manifest("first").columns]
    assert {"place in the given list", "given price to paid", "place by given stars"} & set(columns)
    assert "position" not in columns


def test_all_of_a_list_is_ordered_also_what_nobody_has_met(runtime: Runtime) -> None:
    prices: list[float | None] = [10.0, 3000.0, 90.0, None, 400.0, 90.0]
    names = ["cold a", "h3", "cold b", "cold c", "h5", "cold a"]
    who = Query(user_id="u1", session_id="s1")
    answer = runtime.rank(who, names, {"price": prices})
    assert (answer.model, answer.degraded) == ("first", [])
    assert sorted(i.item_id for i in answer.items) == sorted(set(names))
    scores = [item.score for item in answer.items]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0
    said = {item.item_id: item for item in answer.items}
    assert said["cold b"].sources == ["request"]
    assert {item.item_id for item in runtime.explain(answer.request_id).items} == set(names)


def test_the_price_of_tonight_decides_what_stands_first(runtime: Runtime, learned: Past) -> None:
    now = START + VISITS * 60_000

    def first(size: int) -> list[str]:
        return [runtime.rank(*each[:size], now=now).items[0].item_id for each in learned[1][-100:]]

    wanted = learned[2][-100:]
    assert sum(map(str.__eq__, first(3), wanted)) > 60
    assert sum(map(str.__eq__, first(2), wanted)) < 40


def test_a_list_beyond_what_a_ranker_orders_follows_as_given(runtime: Runtime) -> None:
    names = [f"n{n}" for n in range(LONGEST + 5)]
    items = runtime.rank(Query(user_id="u1"), names).items
    assert [item.item_id for item in items[LONGEST:]] == names[LONGEST:]
    assert {item.score for item in items[LONGEST:]} == {0.0}
    assert {item.item_id for item in items} == set(names)


def test_answers_replay_to_the_byte_and_say_what_was_given(runtime: Runtime, learned: Past) -> None:
    for who, names, numbers, _ in learned[1][-3:]:
        answer = runtime.rank(who, names, numbers)
        said = runtime.explain(answer.request_id, replay=True)
        assert (said.ranked, said.given) == (names, numbers)
        assert said.replay is not None
        assert said.replay.same, (bytes(said.replay.answer), answer)
    odd = runtime.rank(
        Query(user_id="u2"), ["h1", "h2"], {"price": [float("nan"), np.float32(0.1)]}
    )
    replay = runtime.explain(odd.request_id, replay=True).replay
    assert replay is not None
    assert replay.same


def test_rows_are_what_was_read_to_the_bit(tmp_path: Path) -> None:
    """The columns that each request would have read, taken down as it was asked."""
    seen: list[bytes] = []
    ask = Runtime.rank

    def noted(
        runtime: Runtime, who: Query, names: list[str], *given: object, **more: int
    ) -> object:
        surfaces, surface = runtime.surfaces, runtime.surfaces.by_name["home"]
        with runtime.replica.lock:
            context = surfaces.context(who, more["now"])
            context.given = surfaces.lists.given(surface, names, given[0])  # type: ignore[arg-type]
            scored = surfaces.scored(surface, context, RANKED, Arranged())
            listed = surfaces.lists.laid_out(scored, context.given)
            columns = Columns(runtime.plan, surface.inputs)
            x = surfaces.sources.matrix(columns, listed.items, listed.parts, context, RANKED)
            seen.append(x.tobytes())
        return ask(runtime, who, names, *given, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runtime, "rank", noted)
        visited(tmp_path, 120)
    app = hotels()
    runtime = opened(app, tmp_path)
    log, plan = runtime.log, app.plan()
    found = read_impressions(tmp_path, "home", 0, log.end)
    assert joined(found, read_outcomes(log, plan, log.end, lambda *said: None)) == 120
    examples = looked_again(
        plan, app.surfaces[0], log, found, Shelf(tmp_path), rows=10**6, seed=0, until=log.end,
        current=None, progress=lambda *said: None,
    )  # fmt: skip
    runtime.close()
    parts = [examples.rows(q, q + 1) for q in range(len(examples))]
    assert [examples.x[p].tobytes() for p in parts] == seen
    assert examples.found.all()


def test_lists_of_both_kinds_are_learned_from_together(tmp_path: Path) -> None:
    visited(tmp_path, 500, own=3)
    report = trained(hotels(), tmp_path, WANTED)
    assert report.given == 333
    assert 450 < report.questions <= 500
    assert {"callers' lists", "lists of our own"} <= report.segments.keys()


def test_without_a_model_nothing_reads_what_was_given(learned: Past, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(learned[0], tmp_path / "data"))
    runtime = opened(hotels(), folder)
    for who, names, numbers, _ in learned[1][-2:]:
        plain, said = runtime.rank(who, names), runtime.rank(who, names, numbers)
        assert plain.items == said.items
        assert said.model == "blend"
        cold = [item.item_id for item in said.items if not item.score]
        assert cold == [name for name in names if name in cold]
        assert {name for name in names if name.startswith("new")} <= {*cold}
    runtime.close()


def test_a_number_held_against_something_else_is_refused(learned: Past) -> None:
    registry = Registry(learned[0] / FOLDER)
    load_ranker(registry, "first", hotels().plan(), hotels().surfaces[0].inputs)
    for app, said in (
        (hotels(days=7), "'given price to paid', which means something else"),
        (hotels(given=("price", "stars")), "'given price to paid', which the definition no longer"),
    ):
        with pytest.raises(AfreshError, match=said):
            load_ranker(registry, "first", app.plan(), app.surfaces[0].inputs)


def test_a_list_of_one_is_no_impression(tmp_path: Path) -> None:
    runtime = opened(hotels(), tmp_path)
    for names in (["a"], ["a", "a"], ["a", "b"]):
        runtime.rank(Query(user_id="u1"), names, now=START)
    runtime.close()
    found = read_impressions(tmp_path, "home", 0, 1 << 60)
    assert [distinct(each.shown) for each in found] == [["a", "b"]]
    assert np.array_equal([len(each.given or {}) for each in found], [0])
