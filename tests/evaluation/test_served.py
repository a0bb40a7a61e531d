"""A definition's surface as a policy: worth what is known, and refused where nobody can know."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from tests.evaluation.histories import MINUTE, START, Products, shop, walks, written
from tests.test_cli import afresh

from afresh import App, neighbours, trending
from afresh.errors import BadRequest, NotFound
from afresh.evaluation.off_policy import OffPolicy
from afresh.evaluation.served import estimated_of
from afresh.evaluation.stream import read_stream
from afresh.evaluation.walk import evaluated
from afresh.evaluation.wanted import Wanted
from afresh.request import Query
from afresh.store.replica import Replica
from afresh.surface import Surfaces

ITEMS = [f"i{at}" for at in range(12)]
Log = list[dict[str, Any]]


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(walks(150), tmp_path_factory.mktemp("served") / "events.parquet")


def drawn(n: int, *, most: int = 4, seed: int = 1) -> Log:
    """Choices of one of a few items, all alike, for people who walk the ring: a click is worth
    twice as much on an item of an even number."""
    rng, out = np.random.default_rng(seed), []
    for _ in range(n):
        some = rng.choice(ITEMS, most, replace=False).tolist()
        item = some[int(rng.integers(most))]
        out.append(
            {
                "item_id": item, "propensity": 1 / most, "candidates": some,
                "reward": float(rng.random() < worth(item)),
                "session_id": f"s{int(rng.integers(150))}",
                "timestamp": START + int(rng.integers(40, 300)) * MINUTE,
            }
        )  # fmt: skip
    return out


def worth(item: str) -> float:
    return 0.6 if int(item[1:]) % 2 == 0 else 0.3


def logged(log: Log, folder: Path) -> Path:
    path = folder / "log.parquet"
    pl.DataFrame(log).write_parquet(path)
    return path


def judged(
    app: App, events: Path, log: Log, folder: Path, *, least: float = 1000, **wanted: Any
) -> OffPolicy:
    path = logged(log, folder)
    return estimated_of(app, events, path, Wanted(**wanted), said="app.py", least=least)


def shown(app: App, events: Path, log: Log) -> list[list[str]]:
    """What a server would show, of each choice's candidates, at its moment."""
    stream = read_stream(events, app.plan().accepted)

    @cache  # choices share their moments
    def surfaces_at(moment: int) -> Surfaces:
        replica, end = Replica(app.plan()), int(np.searchsorted(stream.ts, moment))
        if end:
            replica.fold_events(stream.stretch(0, end), end)
        return Surfaces(app.surfaces, replica)

    def items(choice: dict[str, Any]) -> list[str]:
        query, moment = Query(session_id=choice["session_id"]), choice["timestamp"]
        answer = surfaces_at(moment).rank(query, sorted(choice["candidates"]), moment, late=())
        return [item.item_id for item in answer.items]

    return [items(choice) for choice in log]


def test_the_estimates_are_near_what_the_surface_would_have_earned(
    events: Path, tmp_path: Path
) -> None:
    app, log = shop(), drawn(2400)
    found = judged(app, events, log, tmp_path, least=500)
    true = float(np.mean([worth(items[0]) for items in shown(app, events, log)]))
    assert found.refused is None
    assert found.rows == 2400
    assert found.effective == pytest.approx(600, rel=0.1)
    assert [each.name for each in found.estimates] == ["IPS", "SNIPS", "DR"]
    for each in found.estimates:
        assert abs(each.value - true) < 3 * each.se


def test_few_choices_in_which_both_agree_are_a_refusal(events: Path, tmp_path: Path) -> None:
    found = judged(shop(), events, drawn(400), tmp_path)
    assert found.estimates == []
    assert "effective samples are fewer than 1,000" in str(found.refused)


def test_a_log_that_drew_nothing_says_nothing_of_another_list(events: Path, tmp_path: Path) -> None:
    """However many choices agree: of the others nobody knows what else would have earned."""
    log = drawn(800)
    for choice in log:
        choice["propensity"] = 1.0
    found = judged(shop(), events, log, tmp_path, least=50)
    assert found.effective > 100
    assert found.estimates == []
    assert "at some choices what the policy would do had none" in str(found.refused)


def test_the_order_of_the_candidates_tells_nothing_of_what_was_chosen(
    events: Path, tmp_path: Path
) -> None:
    log = drawn(300)
    first = judged(shop(), events, log, tmp_path)
    for choice in log:  # the one that was chosen stands first
        choice["candidates"].sort(key=lambda item, own=choice["item_id"]: item != own)
    assert msgspec.to_builtins(judged(shop(), events, log, tmp_path)) == msgspec.to_builtins(first)


@pytest.mark.parametrize("scorer", ["blend", "learned"])
def test_without_candidates_it_is_the_list_that_an_evaluation_sees(
    events: Path, tmp_path: Path, scorer: str
) -> None:
    """Of choices at the moments of events, by who did them."""
    app = shop(scorer)
    stream = read_stream(events, app.plan().accepted)
    outcome = evaluated(app, stream, Wanted(warm_up=0.5))
    log: Log = []
    for event, question in outcome.targets.select("event", "question").iter_rows():
        row = stream.event_ids.index(event)
        place = question % 3
        log.append(
            {
                "item_id": outcome.items[outcome.lists[question][place]], "propensity": 1.0,
                "position": place, "reward": 1.0, "session_id": stream.sessions[row],
                "timestamp": int(stream.ts[row]),
            }
        )  # fmt: skip
    found = judged(app, events, log, tmp_path, least=50)
    assert found.refused is None
    assert (found.mean_weight, found.effective) == (1.0, len(log))
    assert found.estimates[0].value == 1.0


def test_slots_that_explore_have_the_chances_of_their_draws(tmp_path: Path) -> None:
    """Of a log that the surface has made itself, every weight is 1."""
    app = App("drawing", catalog=Products, features=[])
    app.event("view")
    app.surface("home", sources=[neighbours(), trending("1h")], filters=[], n=6, explore=3)
    items = tmp_path / "items.ndjson"
    names = [*ITEMS, *(f"n{at}" for at in range(9))]
    pl.DataFrame({"item_id": names, "title": names, "kind": "a", "price": 1}).write_ndjson(items)
    events = written(walks(20), tmp_path / "events.parquet")
    replica, stream = Replica(app.plan()), read_stream(events, app.plan().accepted)
    replica.fold_items(items.read_bytes().strip(), 0)
    replica.fold_events(stream.batch, len(stream))
    surfaces, now, log = Surfaces(app.surfaces, replica), int(stream.ts[-1]) + 1, []
    for seed in range(400):
        session = f"s{seed % 20}"
        page = surfaces.recommend(Query(session_id=session), now, seed=seed, late=()).items
        assert len(page) == 6
        for place, item in enumerate(page):
            log.append(
                {
                    "item_id": item.item_id, "propensity": item.propensity, "position": place,
                    "reward": float(item.item_id < "n4"), "session_id": session, "timestamp": now,
                }
            )  # fmt: skip

    def judged_by(log: Log) -> OffPolicy:
        path = logged(log, tmp_path)
        return estimated_of(app, events, path, Wanted(), said="app.py", items=items, least=100)

    with pytest.raises(BadRequest, match=r"800 choices .* stand in a slot behind the first"):
        judged_by(log)
    found = judged_by([choice for choice in log if choice["position"] <= 3])
    assert found.refused is None
    assert (found.mean_weight, found.greatest_weight) == (1.0, 1.0)
    assert found.estimates[0].value == pytest.approx(found.logged_value)
    # One that draws of the whole pool alike is known well by its draws, and by nothing else.
    even = [choice for choice in log if choice["position"] == 3]
    assert 0 < min(choice["propensity"] for choice in even) < 0.05
    assert len({choice["item_id"] for choice in even}) > 5


def test_what_a_request_says_and_a_sample(events: Path, tmp_path: Path) -> None:
    log = [{**choice, "city": "Vienna", "hour": 3} for choice in drawn(60)]
    found = judged(shop(), events, log, tmp_path, context=("city", "hour"), sample=20)
    assert found.rows == 20
    with pytest.raises(BadRequest, match="no column 'town'"):
        judged(shop(), events, log, tmp_path, context=("town",))


def test_a_log_that_cannot_be_asked_about_says_why(events: Path, tmp_path: Path) -> None:
    def refused(says: str, change: dict[str, Any], *, without: str = "", **wanted: Any) -> None:
        log = [{**choice, **change} for choice in drawn(5)]
        for choice in log:
            choice.pop(without, None)
        with pytest.raises((BadRequest, NotFound), match=says):
            judged(shop(), events, log, tmp_path, **wanted)

    refused("does not say who was asked, or when", {}, without="timestamp")
    refused("does not say who was asked, or when", {}, without="session_id")
    refused("5 timestamps of .* are no moments", {"timestamp": "yesterday"})
    refused("positions that are none", {"position": -1})
    refused("choices at position 20; 'home' shows 20", {"position": 20}, without="candidates")
    refused("choices of .* are not among their candidates", {"item_id": "elsewhere"})
    refused("has no lists", {"candidates": "i1 i2"})
    refused("no surface 'hom'", {}, surface="hom")
    refused("There is no model 'mine'", {}, model="mine")


def test_the_command(events: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from afresh import App, neighbours, trending\n"
        'app = App("walks")\napp.event("view")\n'
        'app.surface("home", sources=[neighbours(), trending("1h")], filters=[])\n'
    )
    logged(drawn(100), tmp_path)
    options = ("evaluate", "--policy", "app.py", "--logged", "log.parquet")
    said = afresh(*options, "--events", str(events), cwd=tmp_path).stdout
    assert "100 logged choices" in said
    assert "refused: " in said
    failed = afresh(*options, cwd=tmp_path, ok=False)
    assert failed.returncode == 2
    assert "name the events" in failed.stderr
