"""The walk asks what a server would be asked, and knows nothing of what comes later."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.evaluation.histories import (
    MINUTE,
    START,
    Products,
    event,
    shop,
    stream_of,
    walks,
)

from afresh import App, newcomers, preference, sessions, trending
from afresh.errors import BadRequest, NotFound
from afresh.evaluation.outcome import Outcome
from afresh.evaluation.walk import evaluated
from afresh.evaluation.wanted import Wanted
from afresh.events.batch import join
from afresh.request import Query
from afresh.store.replica import Replica
from afresh.surface import Surfaces


def run(
    events: list[dict[str, Any]], folder: Path, wanted: Wanted | None = None,
    app: App | None = None, items: bytes = b"",
) -> Outcome:  # fmt: skip
    wanted, app = wanted or Wanted(), app or shop()
    return evaluated(app, stream_of(events, folder, wanted, app), wanted, items=items)


def shown(outcome: Outcome, event_id: str) -> list[str]:
    """The list of the question that an event answers."""
    rows = outcome.targets.filter(outcome.targets["event"] == event_id)
    listed = outcome.lists[rows["question"][0]]
    return [outcome.items[item] for item in listed[listed >= 0]]


@pytest.mark.parametrize("scorer", ["blend", "learned"])
def test_a_question_gets_the_list_that_a_server_would_give(tmp_path: Path, scorer: str) -> None:
    events, app = walks(40), shop(scorer)
    outcome = run(events, tmp_path, Wanted(learn=0, sample=25), app)
    stream = stream_of(events, tmp_path)
    surfaces = Surfaces(app.surfaces, Replica(app.plan()))
    for name, question in outcome.targets.select("event", "question").iter_rows():
        row = stream.event_ids.index(name)
        replica = Replica(app.plan())
        before = int(np.searchsorted(stream.ts, stream.ts[row]))
        if before:
            replica.fold_events(stream.stretch(0, before), before)
        surfaces = Surfaces(app.surfaces, replica)
        query = Query(user_id=stream.users[row], session_id=stream.sessions[row])
        answer = surfaces.recommend(query, int(stream.ts[row]), late=())
        if scorer == "blend":  # what is learned on the way moves the other
            assert [item.item_id for item in answer.items] == shown(outcome, name), question


def test_a_list_does_not_depend_on_what_comes_later(tmp_path: Path) -> None:
    events = sorted(walks(60), key=lambda e: e["timestamp"])
    for scorer in ("blend", "learned"):
        whole = run(events, tmp_path, Wanted(warm_up=0.3), shop(scorer))
        cut = run(events[:120], tmp_path, Wanted(warm_up=0.3 * len(events) / 120), shop(scorer))
        for name in cut.targets["event"].to_list():
            assert shown(cut, name) == shown(whole, name)


@pytest.mark.parametrize("lag", [5 * MINUTE, 60 * MINUTE])
def test_a_lagging_index_is_the_index_of_that_moment_and_the_session_is_known(
    tmp_path: Path, lag: int
) -> None:
    """The model: as if the rest of the last minutes had never been, but for the own session."""
    events = sorted(walks(50, items=30), key=lambda e: e["timestamp"])
    wanted, app = Wanted(model_lag=lag, sample=30), shop()
    outcome, stream = run(events, tmp_path, wanted, app), stream_of(events, tmp_path)
    for name in outcome.targets["event"].to_list():
        row = stream.event_ids.index(name)
        now = int(stream.ts[row])
        replica = Replica(app.plan())
        before = int(np.searchsorted(stream.ts, now - lag))
        replica.fold_events(stream.stretch(0, before), before) if before else None
        mine = [
            stream.items[stream.item[at]]
            for at in range(row)
            if stream.sessions[at] == stream.sessions[row]
        ][::-1]
        surfaces = Surfaces(app.surfaces, replica)
        said = list(dict.fromkeys(mine))  # one that the index does not know stands among them
        numbers = replica.state.items.intern(join(said), len(said))
        context = surfaces.context(Query(session_id=stream.sessions[row]), now - lag)
        context.items = numbers
        surfaces.context = lambda query, now, said=context: said  # type: ignore[method-assign,misc]
        answer = surfaces.recommend(Query(n=100), now - lag, late=())
        scored = {item.item_id: item.score for item in answer.items}
        # Equals follow their numbers, which are given in the order of first mention.
        listed = shown(outcome, name)
        assert [scored[item] for item in listed] == sorted(scored.values())[::-1][: len(listed)]


def test_what_was_touched_within_the_lag_is_hidden_by_the_filter_of_seen(tmp_path: Path) -> None:
    events = [event(f"s{n}", item, n * 10 + at) for n in range(50) for at, item in enumerate("abc")]
    late = START + 10_000_000
    events += [event("me", item, 10_000_000 + at * 1000) for at, item in enumerate("abc")]
    wanted = Wanted(surface="unseen", model_lag=MINUTE * 60, warm_up=0.98, at=(5,))
    outcome = run(events, tmp_path, wanted)
    last = outcome.targets.filter(outcome.targets["ts"] == late + 2000)["event"][0]
    assert shown(outcome, last) == ["c"]
    seen_too = msgspec.structs.replace(wanted, show_seen=True)
    assert set(shown(run(events, tmp_path, seen_too), last)) == {"a", "b", "c"}


def test_a_late_context_knows_only_what_was_long_ago(tmp_path: Path) -> None:
    events = walks(30) + [event("me", item, 10_000_000 + at * MINUTE) for at, item in
                          enumerate(["i1", "i2", "i3", "i4"])]  # fmt: skip
    known = {}
    for lag in (0, 90_000, 10 * MINUTE):
        outcome = run(events, tmp_path, Wanted(context_lag=lag, warm_up=0.5))
        mine = outcome.targets.filter(outcome.targets["ts"] >= START + 10_000_000)
        known[lag] = mine["known"].to_list()
        assert mine["repeat"].to_list() == [False] * 4
    assert known == {0: [0, 1, 2, 3], 90_000: [0, 0, 1, 2], 10 * MINUTE: [0, 0, 0, 0]}


def test_events_at_one_moment_do_not_know_each_other(tmp_path: Path) -> None:
    events = walks(30) + [event("me", item, 10_000_000) for item in ("i1", "i2", "new")]
    events += [event("you", "new", 10_000_000)]
    outcome = run(events, tmp_path, Wanted(warm_up=0.9))
    mine = outcome.targets.filter(outcome.targets["ts"] == START + 10_000_000)
    assert mine["question"].n_unique() == 2
    assert mine["known"].to_list() == [0] * 4
    assert not mine.filter(mine["item_name"] == "new")["events"].sum()
    shuffled = run(events, tmp_path, Wanted(warm_up=0.9, ties="in-order"))
    mine = shuffled.targets.filter(shuffled.targets["ts"] >= START + 10_000_000)
    assert sorted(mine["known"].to_list()) == [0, 0, 1, 2]
    assert not mine.filter(mine["item_name"] == "new")["events"].sum()


def test_repeats_ages_and_what_the_request_hides(tmp_path: Path) -> None:
    events = [event("a", "x", 0), event("a", "y", MINUTE), event("a", "x", 2 * MINUTE)]
    outcome = run(events, tmp_path, Wanted(warm_up=0.0))
    assert outcome.targets["repeat"].to_list() == [False, False, True]
    assert outcome.targets["age"].to_list() == [-1, -1, 2 * MINUTE]
    hidden = run(events, tmp_path, Wanted(warm_up=0.0, hide_session=True))
    assert hidden.targets.height == 2
    only_new = run(events, tmp_path, Wanted(warm_up=0.0, targets="new"))
    assert only_new.targets["item_name"].to_list() == ["x", "y"]
    walked = run(walks(40), tmp_path, Wanted(hide_session=True))
    stream = stream_of(walks(40), tmp_path)
    for name in walked.targets["event"].to_list():
        row = stream.event_ids.index(name)
        mine = {
            stream.items[stream.item[at]]
            for at in range(row)
            if stream.sessions[at] == stream.sessions[row]
        }
        assert not mine & set(shown(walked, name))


def test_a_catalogue_is_known_from_the_start(tmp_path: Path) -> None:
    app = App("judged", catalog=Products, features=[])
    app.event("view")
    app.surface("home", sources=[newcomers(), preference()], filters=[])
    lines = [
        msgspec.json.encode({"item_id": f"i{n}", "title": f"t{n}", "kind": "k", "price": n})
        for n in range(12)
    ]
    outcome = run(walks(10), tmp_path, Wanted(at=(12,)), app, b"\n".join(lines))
    assert outcome.catalogue == 12
    assert (outcome.targets["rank"] > 0).all()


def test_what_is_learned_counts_only_when_the_lag_is_over(tmp_path: Path) -> None:
    events, app = walks(300, items=40), shop("learned")
    fresh = run(events, tmp_path, Wanted(learn=400, sample=60), app)
    assert fresh.learned > 200
    never = run(events, tmp_path, Wanted(learn=400, sample=60, model_lag=10**10), app)
    assert never.learned == 0  # nothing is folded, so nothing can be learned from
    frozen = run(events, tmp_path, Wanted(learn=400, sample=60, model_lag=None), app)
    untaught = run(events, tmp_path, Wanted(learn=0, sample=60, model_lag=None), app)
    assert frozen.learned > 200
    assert untaught.learned == 0
    assert frozen.lists.tolist() != untaught.lists.tolist()


def test_the_same_seed_is_the_same_outcome(tmp_path: Path) -> None:
    events = random.Random(3).sample(walks(60), len(walks(60)))
    wanted = Wanted(sample=40, ties="shuffled", seed=5)
    one, two = (run(events, tmp_path, wanted, shop("learned")) for _ in range(2))
    assert one.targets.equals(two.targets)
    assert one.lists.tolist() == two.lists.tolist()


def test_a_surface_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no surface 'hom'"):
        run(walks(3), tmp_path, Wanted(surface="hom"))


def test_sources_of_one_name_are_told_apart_and_one_that_fails_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = shop(sources=[sessions(), sessions(depth=7), trending("1h")])
    outcome = run(walks(30), tmp_path, app=app)
    assert outcome.sources == ["sessions", "sessions 2", "trending 1h"]
    assert outcome.left_out == {}
    monkeypatch.setattr("afresh.stages.sources.session_neighbours", None)
    outcome = run(walks(30), tmp_path, app=app)
    assert outcome.left_out == {"source:sessions": len(outcome.lists)}


def test_a_request_says_of_its_context_what_the_event_did(tmp_path: Path) -> None:
    app = App("placed", features=[])
    view = app.event("view", city=str)
    app.surface("home", sources=[trending("1h", by=view.city)], filters=[])
    cities = {"here": "a", "there": "b"}
    events = [
        event(f"{city}{n}", cities[city], n * 1000, **{"properties.city": city})
        for n in range(40)
        for city in cities
    ]
    outcome = run(events, tmp_path, Wanted(context=("city",), at=(1,)), app)
    assert (outcome.targets["rank"] == 1).all()
    with pytest.raises(BadRequest, match="no field 'town'"):
        run(events, tmp_path, Wanted(context=("town",)), app)
