"""What is late is left out, named and counted, and tried again; and a replay does the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import msgspec
import pytest
from tests.batches import batch_of
from tests.model import Event

from afresh import App, available, neighbours, seen, sessions, trending
from afresh.loading import check
from afresh.retrieve import Candidates
from afresh.runtime import Runtime
from afresh.settings import load_settings
from afresh.stages.budgets import LONGEST_S, Budgets, named_apart
from afresh.store.replica import Replica
from afresh.surface import Query, Surfaces

START = 1_700_000_000_000


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def shop() -> App:
    app = App("budgets")
    app.event("view")
    app.surface(
        "home",
        sources=[sessions(budget="5ms"), trending("1h"), trending("24h", weight=0.1)],
        filters=[seen("view", budget="2ms")],
        n=5,
    )
    return app


def opened(clock: Clock) -> Surfaces:
    app = shop()
    replica = Replica(app.plan())
    events = [
        Event(f"{v}{i}", "view", START + at, None, i, v)
        for v in ("x", "y", "me")
        for at, i in enumerate("ab" if v != "me" else "a")
    ]
    replica.fold_events(batch_of(app.plan(), events), 0)
    surfaces = Surfaces(app.surfaces, replica)
    surfaces.budgets.clock = clock
    return surfaces


def slowed(surfaces: Surfaces, name: str, clock: Clock, ms: list[float]) -> list[float]:
    """A source takes the first of `ms` each time; which it keeps to be changed later."""
    work = surfaces.sources.by_name[name]

    def slow(*given: object) -> Candidates:
        clock.now += ms[0] / 1000
        return work(*given)  # type: ignore[arg-type]

    surfaces.sources.by_name[name] = slow
    return ms


def test_a_source_that_overruns_is_left_out_and_gets_another_chance() -> None:
    clock = Clock()
    surfaces = opened(clock)
    ms = slowed(surfaces, "sessions", clock, [5.1])

    def ask() -> list[str]:
        answer = surfaces.recommend(Query(session_id="me"), START + 10)
        assert [item.item_id for item in answer.items] == ["b"]
        return answer.degraded

    assert [ask() for _ in range(2)] == [[], []]
    late = ["source:sessions:late"]
    assert ask() == late
    clock.now += 0.99
    assert ask() == late
    clock.now += 0.02
    assert ask() == []  # another chance, and it overruns again: twice as long
    clock.now += 1.9
    assert ask() == late
    clock.now += 0.2
    ms[0] = 4.9
    assert ask() == []
    ms[0] = 5.1
    assert [ask() for _ in range(3)] == [[], [], late]  # what was is forgiven


def test_rests_grow_to_a_minute_at_most() -> None:
    clock = Clock()
    budgets, rests = Budgets(clock), []
    for _ in range(12):
        budgets.begin("home")
        while budgets.late("source:a", 1.0):
            clock.now += 0.5
            budgets.begin("home")
        began = clock.now
        clock.now += 0.002
        budgets.ran("source:a", began)
        rests.append(began)
    waits = [round(b - a, 1) for a, b in pairwise(rests[1:])]
    assert waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert max(waits) == pytest.approx(LONGEST_S, abs=0.6)
    budgets.begin("other")
    assert not budgets.late("source:a", 1.0)  # a surface's own


def test_what_comes_after_the_whole_budget_is_left_out() -> None:
    clock = Clock()
    surfaces = opened(clock)
    surfaces.budgets.whole = 10.0
    ms = slowed(surfaces, "trending", clock, [10.0])
    answer = surfaces.recommend(Query(session_id="me"), START + 10)
    assert answer.degraded == ["source:trending 24h:late"]
    assert [item.item_id for item in answer.items] == ["b"]
    ms[0] = 9.9
    assert surfaces.recommend(Query(session_id="me"), START + 10).degraded == []
    assert surfaces.rank(Query(session_id="me"), ["b", "a"], START + 10).degraded == []
    ms[0] = 10.0
    ranked = surfaces.rank(Query(session_id="me"), ["b", "a"], START + 10)
    assert ranked.degraded == ["source:trending 24h:late"]
    assert [item.item_id for item in ranked.items] == ["b", "a"]


def test_a_filter_with_a_budget_is_left_out_too() -> None:
    clock = Clock()
    surfaces = opened(clock)
    work: Callable[..., object] = surfaces.filters.by_name["seen"]

    def slow(*given: object) -> object:
        clock.now += 0.003
        return work(*given)

    surfaces.filters.by_name["seen"] = slow  # type: ignore[assignment]
    shown = []
    for _ in range(3):
        answer = surfaces.recommend(Query(session_id="me"), START + 10)
        shown.append((answer.degraded, {item.item_id for item in answer.items}))
    assert shown == [([], {"b"}), ([], {"b"}), (["filter:seen:late"], {"a", "b"})]


def test_what_is_to_be_left_out_is_and_nothing_else() -> None:
    clock = Clock()
    surfaces = opened(clock)
    surfaces.budgets.whole = 1.0
    slowed(surfaces, "sessions", clock, [99.0])
    for _ in range(3):
        answer = surfaces.recommend(
            Query(session_id="me"), START + 10, late=["source:trending 1h:late", "source:text"]
        )
        assert answer.degraded == ["source:trending 1h:late"]


def test_parts_of_one_name_are_told_apart() -> None:
    assert named_apart("source", ("a", "b", "a", "a")) == (
        "source:a", "source:b", "source:a 2", "source:a 3",
    )  # fmt: skip


def test_a_replay_leaves_out_the_same_and_the_metrics_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(request_budget=20)
    runtime = Runtime.open(shop(), tmp_path, settings)
    now = int(time.time() * 1000)
    rows = [{"event_type": "view", "session_id": v, "item_id": i, "timestamp": now}
            for v in ("x", "y", "me") for i in ("ab" if v != "me" else "a")]  # fmt: skip
    runtime.ingest(msgspec.json.encode(rows))
    work = runtime.surfaces.sources.by_name["sessions"]

    def slow(*given: object) -> Candidates:
        time.sleep(0.03)
        return work(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setitem(runtime.surfaces.sources.by_name, "sessions", slow)
        answer = runtime.recommend(Query(session_id="me"))
    late = ["source:trending 1h:late", "source:trending 24h:late"]
    assert answer.degraded == late
    assert [item.item_id for item in answer.items] == ["b"]
    assert runtime.stats()["left_out"] == dict.fromkeys(late, 1)
    said = runtime.explain(answer.request_id, replay=True)
    assert said.replay is not None
    assert said.replay.same, (said.answer, said.replay.answer)
    runtime.close()


def test_mistakes_in_budgets(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    body = """
        from afresh import *
        app = App("test")
        class Goods(Catalog):
            in_stock: bool
        view = app.event("view")
        app.surface("right", sources=[text(budget="0.5ms")], filters=[seen(budget="1s")])
        app.surface("zero", sources=[text(budget="0ms")])
        app.surface("wrong", filters=[available(Goods.in_stock, budget="soon")])
        """
    path.write_text(dedent(body).lstrip("\n"), encoding="utf-8")
    found = [(p.line, p.message, p.hint) for p in check(path)]
    assert found == [
        (7, "text: '0ms' is no budget of time", 'Write "5ms" or "0.1s".'),
        (8, "available: 'soon' is no budget of time", 'Write "5ms" or "0.1s".'),
    ]
    assert neighbours(budget="0.5ms").budget_ms == 0.5
    assert available("in_stock", budget="1s").budget_ms == 1000
