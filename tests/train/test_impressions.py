"""Impressions: what was shown is read again to the bit, and each outcome belongs to one of them."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.train.shops import filled, history, opened, shop

from afresh import App, neighbours, trending
from afresh.promoted import FOLDER
from afresh.rank.registry import Registry
from afresh.request import Query
from afresh.runtime import Runtime
from afresh.train.impressions import (
    Impression,
    joined,
    looked_again,
    read_impressions,
)
from afresh.train.outcomes import Outcomes, hashes, read_outcomes
from afresh.train.run import Wanted, trained
from afresh.vectors.shelf import FOLDER as VECTORS
from afresh.vectors.shelf import Shelf

WINDOW = 10


def shown(at: int, who: str, request_id: str, items: str) -> Impression:
    user, session = (who, None) if who.startswith("u") else (None, who)
    return Impression(request_id, 0, at, Query(user_id=user, session_id=session), list(items), {})


Done = tuple[int, str, str, str, int, str]
"""ts, user, session, item, weight, request."""


def outcomes_of(done: list[Done]) -> Outcomes:
    n = len(done)
    owners = [f"u:{user}" if user else f"s:{session}" for _, user, session, *_ in done]
    return Outcomes(
        np.zeros(n, np.int64), np.arange(n), np.array([d[0] for d in done], np.int64),
        hashes(owners), hashes([d[3] for d in done]), np.array([d[4] for d in done], np.int64),
        hashes([f"s:{d[2]}" for d in done]), hashes([d[5] for d in done]),
    )  # fmt: skip


def plain(impressions: list[Impression], done: list[Done]) -> list[dict[str, int]]:
    """The rule, said once more."""
    taken: list[dict[str, int]] = [{} for _ in impressions]
    for ts, user, session, item, weight, request in done:
        best = -1
        for i, each in enumerate(impressions):
            if item not in each.shown or not 0 <= ts - each.at <= WINDOW:
                continue
            query = each.query
            mine = query.user_id == user if query.user_id else query.session_id == session
            if (each.request_id == request if request else mine) and (
                best < 0 or each.at > impressions[best].at
            ):
                best = i
        if best >= 0:
            taken[best][item] = max(taken[best].get(item, 0), weight)
    return taken


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 40), st.sampled_from(["u1", "u2", "s1", "s2"]),
            st.sets(st.sampled_from("abc"), min_size=1),
        ),
        max_size=8, unique_by=lambda each: each[0],
    ),
    st.lists(
        st.tuples(
            st.integers(0, 60), st.sampled_from(["", "u1", "u2"]), st.sampled_from(["s1", "s2"]),
            st.sampled_from("abcd"), st.integers(1, 3), st.sampled_from(["", "", "r0", "r1", "rx"]),
        ),
        max_size=12,
    ),
)  # fmt: skip
def test_each_outcome_belongs_to_one_impression(
    said: list[tuple[int, str, set[str]]], done: list[Done]
) -> None:
    impressions = [
        shown(at, who, f"r{n}", "".join(sorted(items)))
        for n, (at, who, items) in enumerate(sorted(said, key=lambda each: each[0]))
    ]
    wanted = plain(impressions, done)
    assert joined(impressions, outcomes_of(done), WINDOW) == sum(map(bool, wanted))
    for each, taken in zip(impressions, wanted, strict=True):
        named = dict(zip(hashes(list(taken)).tolist(), taken.values(), strict=True))
        assert each.taken == named


@pytest.mark.parametrize(("ts", "taken"), [(99, 0), (100, 1), (110, 1), (111, 0)])
def test_the_window_at_its_borders(ts: int, taken: int) -> None:
    one = [shown(100, "u1", "r", "a")]
    assert joined(one, outcomes_of([(ts, "u1", "s", "a", 1, "")]), WINDOW) == taken


def live() -> App:
    app = App("live")
    app.event("view", request_id=str)
    app.event("buy", 5)
    app.surface("home", sources=[neighbours(), trending("24h")], filters=[], n=8)
    app.surface("other", sources=[trending("24h")], filters=[])
    return app


def click(runtime: Runtime, kind: str, item: str, user: str, **more: object) -> None:
    event = {"event_type": kind, "item_id": item, "user_id": user, "session_id": f"s-{user}",
             "timestamp": time.time_ns() // 1_000_000, **more}  # fmt: skip
    assert not runtime.ingest(msgspec.json.encode(event)).rejected


def used(folder: Path, answers: int) -> list[tuple[str, list[float]]]:
    """A shop that is looked at and clicked in; the answers and their scores."""
    runtime, rng, given = opened(live(), folder), np.random.default_rng(0), []
    for n in range(60):
        click(runtime, "view", f"i{n % 9}", f"u{n % 7}")
    for n in range(answers):
        user = f"u{n % 11}"
        answer = runtime.recommend(Query(user_id=user))
        given.append((answer.request_id, [item.score for item in answer.items]))
        if n % 2 and answer.items:
            place = min(int(rng.geometric(0.5)) - 1, len(answer.items) - 1)
            item = answer.items[place].item_id
            named = {"properties": {"request_id": answer.request_id}} if n % 4 == 1 else {}
            click(runtime, "view" if n % 3 else "buy", item, user, **(named if n % 3 else {}))
    runtime.recommend(Query(surface="other", user_id="u1"))
    runtime.rank(Query(user_id="u1"), ["i1"])
    runtime.recommend(Query())
    runtime.close()
    return given


def test_what_was_known_is_read_again_to_the_bit_with_the_place_it_was_shown_at(
    tmp_path: Path,
) -> None:
    given, app = used(tmp_path, 80), live()
    runtime = opened(app, tmp_path)
    log = runtime.log  # read while the runtime is open
    plan, surface = app.plan(), app.surfaces[0]
    found = read_impressions(tmp_path, "home", 0, log.end)
    assert [each.request_id for each in found] == [request_id for request_id, _ in given]
    outcomes = read_outcomes(log, plan, log.end, lambda *said: None)
    assert joined(found, outcomes) == 40
    assert sum(len(each.taken) for each in found) == 40
    examples = looked_again(
        plan, surface, log, found, Shelf(tmp_path / VECTORS), rows=10**6, seed=0, until=log.end,
        current=None, progress=lambda *said: None,
    )  # fmt: skip
    runtime.close()
    taken = [scores for each, (_, scores) in zip(found, given, strict=True) if each.taken]
    assert len(examples) == len(taken) == 40
    assert examples.found.all()
    for q, scores in enumerate(taken):
        rows = examples.rows(q, q + 1)
        again = [float(f"{score:.6g}") for score in examples.scores["blend"][rows]]
        assert again == [score for score in scores if score > 0]
        place = examples.x[rows, examples.names.index("position")]
        assert place.tolist() == [at for at, score in enumerate(scores) if score > 0]
        assert (examples.grade[rows] > 0).sum() == 1


def test_impressions_are_learned_from_where_there_are_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used(tmp_path, 300)
    app = live()
    assert trained(app, tmp_path, Wanted(name="replay")).rows_from == "replay"  # 150 are too few
    report = trained(app, tmp_path, Wanted(rows_from="impressions", name="shown"))
    assert (report.rows_from, report.questions) == ("impressions", 150)
    names = [c.name for c in Registry(tmp_path / FOLDER).manifest("shown").columns]
    assert "position" in names
    monkeypatch.setattr("afresh.train.run.ENOUGH", 150)
    assert trained(app, tmp_path, Wanted(name="auto")).rows_from == "impressions"
    Registry(tmp_path / FOLDER).promote("home", "shown", 1)
    runtime = opened(app, tmp_path)
    assert runtime.recommend(Query(user_id="u1")).model == "shown"
    runtime.close()


def test_a_log_without_traces_is_replayed(tmp_path: Path) -> None:
    filled(shop(), tmp_path, history(300))
    (tmp_path / "traces.sqlite3").unlink()
    assert trained(shop(), tmp_path, Wanted(rows=20_000)).rows_from == "replay"
