"""Answers as of a moment: those of a state that knows only what happened before it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.test_explaining import shop

from afresh.errors import BadRequest
from afresh.past import replica_as_of
from afresh.request import Item, Query
from afresh.runtime import Runtime
from afresh.settings import load_settings
from afresh.surface import Surfaces

NOW = int(time.time() * 1000) - 60_000


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    made = Runtime.open(shop("blend"), tmp_path, load_settings())
    yield made
    made.close()


def event(session: str, item: str, at: int, n: int = 0) -> dict[str, object]:
    return {
        "event_id": f"{session}.{item}.{at}.{n}", "event_type": "view", "session_id": session,
        "item_id": item, "timestamp": at,
    }  # fmt: skip


def told(runtime: Runtime, events: list[dict[str, object]]) -> None:
    for at in range(0, len(events), 7):
        runtime.ingest(msgspec.json.encode(events[at : at + 7]))


def put(runtime: Runtime, item: str, **values: object) -> None:
    asyncio.run(runtime.put_item(item, values))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_the_answer_of_who_knows_only_the_events_before(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    rows = [
        event(f"s{rng.randrange(9)}", f"i{rng.randrange(8)}", NOW - rng.randrange(9 * 3_600_000), n)
        for n in range(120)
    ]
    whole = Runtime.open(shop("blend"), tmp_path / "whole", load_settings())
    told(whole, rows)
    for at, hours in enumerate((0, 3, 8)):
        moment = NOW - hours * 3_600_000
        part = Runtime.open(shop("blend"), tmp_path / str(at), load_settings())
        told(part, [row for row in rows if int(str(row["timestamp"])) < moment])
        for session in ("s0", "s1", "nobody"):
            query = Query(session_id=session, n=6)
            expected = Surfaces(part.app.surfaces, part.replica).recommend(query, moment)
            query.as_of = moment
            answer = whole.recommend_as_of(query)
            assert answer.items == expected.items
            assert answer.items or not part.replica.state.events
        part.close()
    whole.close()


def test_it_is_what_was_answered_then(runtime: Runtime) -> None:
    told(runtime, [event(f"s{n % 5}", f"i{n % 4}", NOW + n) for n in range(20)])
    for n in range(4):
        put(runtime, f"i{n}", kind="a")
    told(runtime, [event("me", "i2", NOW + 100)])
    then = runtime.recommend(Query(session_id="me"))
    moment = runtime.explain(then.request_id).at
    time.sleep(0.01)
    put(runtime, "i3", kind="b", in_stock=False)
    now = runtime.replica.now()
    told(runtime, [event(f"x{n}", "i0", now) for n in range(9)])
    assert runtime.recommend(Query(session_id="me")).items != then.items
    again = runtime.recommend_as_of(Query(session_id="me", as_of=moment))
    assert again.items == then.items
    said = runtime.explain(again.request_id, replay=True)
    assert said.at == moment
    assert said.replay is not None
    assert said.replay.same
    # What happened before the moment counts, whenever it arrived; also of the next answer, not
    # of one that was given.
    told(runtime, [event("s9", "i1", NOW + 50 + n, n) for n in range(30)])
    late = runtime.recommend_as_of(Query(session_id="me", as_of=moment))
    assert scores(late.items) != scores(then.items)
    said = runtime.explain(again.request_id, replay=True)
    assert said.replay is not None
    assert said.replay.same


def scores(items: list[Item]) -> dict[str, float]:
    return {item.item_id: item.score for item in items}


def test_the_very_millisecond_does_not_count(runtime: Runtime) -> None:
    told(runtime, [event("a", "i1", NOW), event("a", "i2", NOW + 1)])
    for moment, known in ((NOW, []), (NOW + 1, ["i1"]), (NOW + 2, ["i2", "i1"])):
        items = runtime.recommend_as_of(Query(as_of=moment)).items
        assert sorted(item.item_id for item in items) == sorted(known)


def test_items_put_later_are_not_there_unless_all_were(runtime: Runtime) -> None:
    told(runtime, [event("a", "i1", NOW)])
    put(runtime, "i1", kind="a")
    put(runtime, "i5", kind="a")
    between = runtime.replica.now()
    time.sleep(0.005)
    put(runtime, "i6", kind="a")

    def there(moment: int) -> set[str]:
        return {item.item_id for item in runtime.recommend_as_of(Query(as_of=moment)).items}

    time.sleep(0.005)
    assert there(runtime.replica.now()) == {"i1", "i5", "i6"}
    assert there(between + 1) == {"i1", "i5"}
    assert there(NOW + 1) == {"i1", "i5", "i6"}  # history that was imported


def test_the_future_and_what_was_dropped_are_refused(runtime: Runtime) -> None:
    with pytest.raises(BadRequest, match="future"):
        runtime.recommend_as_of(Query(as_of=runtime.replica.now() + 60_000))
    told(runtime, [event("a", "i1", NOW + n) for n in range(9)])
    moment = runtime.replica.now()
    assert runtime.recommend_as_of(Query(as_of=moment)).items
    assert runtime.store.trim(before_arrival=moment + 1).records
    with pytest.raises(BadRequest, match="no longer reaches"):
        runtime.recommend_as_of(Query(as_of=moment))


def test_what_is_dropped_and_out_of_reach_does_no_harm(runtime: Runtime) -> None:
    told(runtime, [event("a", "i1", NOW)])
    first = runtime.store.end
    told(runtime, [event("b", "i2", NOW + 1)])
    assert runtime.store.trim(upto=first, before_arrival=runtime.replica.now() + 1).records
    held = next(iter(runtime.store.read(first))).arrival
    far = held + runtime.plan.reach
    with pytest.raises(BadRequest, match="no longer reaches"):
        replica_as_of(runtime.plan, runtime.log, far - 1, runtime.store.end)
    with pytest.raises(BadRequest, match="no longer reaches"):  # F is older than that moment
        replica_as_of(runtime.plan, runtime.log, far, runtime.store.end)
