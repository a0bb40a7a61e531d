"""A runtime from outside: what goes in counts at once, and is read back as it was said."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.model import Model
from tests.opened import PLAN, Opened, check, event, logged, now, post, put, read

from afresh.errors import BadRequest, NotFound, Overloaded, Unavailable
from afresh.log.token import Place, write_token
from afresh.settings import Settings
from afresh.surface import Query

# What was acknowledged is in the next answer.


def test_an_event_counts_in_the_very_next_answer(opened: Opened) -> None:
    runtime = opened()
    for n in range(1, 4):
        receipt = post(runtime, event(user_id=f"u{n}"), event(event_type="buy", user_id="v"))
        assert read(runtime, "item_id", "i", "days") == 2 * n
        answer = runtime.recommend(Query(user_id="new", after=receipt.offset))
        assert answer.fresh
        assert [item.item_id for item in answer.items] == ["i"]
        assert runtime.trending("1h", 5, {}).items[0].item_id == "i"
    assert read(runtime, "user_id", "u1", "recent") == ["i"]


def test_a_token_of_this_log_ahead_of_it_is_not_fresh(opened: Opened) -> None:
    runtime = opened()
    ahead = write_token(Place(runtime.log.id, (99,), 0))
    assert runtime.recommend(Query(user_id="u", after=ahead)).fresh is False


@pytest.mark.parametrize("token", ["x", "a" * 200, "\u00e9", "gg==", "k6E", "AAAA", "\0", "oA"])
def test_a_malformed_token_is_refused(opened: Opened, token: str) -> None:
    with pytest.raises(BadRequest) as error:
        opened().recommend(Query(user_id="u", after=token))
    assert error.value.code == "bad_token"


def test_a_token_of_another_log_is_refused(opened: Opened) -> None:
    with pytest.raises(BadRequest) as error:
        opened().recommend(Query(user_id="u", after=write_token(Place("other", (0,), 0))))
    assert error.value.code == "foreign_token"


# Items.


def test_an_item_is_put_patched_deleted(opened: Opened) -> None:
    runtime = opened()
    put(runtime, "i", category="red", grade=3)
    assert runtime.item("i") == {
        "item_id": "i", "category": "red", "brand": None, "price": None, "grade": 3,
        "fragile": None, "in_stock": True,
    }  # fmt: skip
    asyncio.run(runtime.patch_item("i", {"grade": None, "in_stock": False}))
    record = runtime.item("i")
    assert record is not None
    assert (record["category"], record["grade"], record["in_stock"]) == ("red", None, False)
    with pytest.raises(BadRequest):
        asyncio.run(runtime.patch_item("i", {"grade": 2**31}))
    with pytest.raises(BadRequest):
        asyncio.run(runtime.patch_item("i", {"colour": 1}))
    runtime = opened()
    assert runtime.item("i") == record
    asyncio.run(runtime.delete_item("i"))
    for again in (False, True):
        runtime = opened() if again else runtime
        assert runtime.item("i") is None
        with pytest.raises(NotFound):
            asyncio.run(runtime.patch_item("i", {}))
        with pytest.raises(NotFound):
            asyncio.run(runtime.delete_item("i"))
    check(runtime)


def test_a_split_keeps_the_category_in_force_when_the_event_came(opened: Opened) -> None:
    runtime = opened()
    buy = {"event_type": "buy", "properties": {"price": 1}}
    post(runtime, event(**buy))
    put(runtime, "i", category="red", fragile=True)
    post(runtime, event(**buy))
    asyncio.run(runtime.patch_item("i", {"category": "blue", "fragile": None}))
    post(runtime, event(**buy), event(**buy))
    asyncio.run(runtime.delete_item("i"))
    post(runtime, event(**buy))
    wanted = {"red": 1, "blue": 2, "": 2}
    assert read(runtime, "user_id", "u", "spent") == wanted
    assert read(runtime, "user_id", "u", "spent", as_of=now() + 1) == wanted
    assert read(opened(), "user_id", "u", "spent") == wanted


def test_a_price_the_event_does_not_say_is_its_item_s(opened: Opened) -> None:
    runtime = opened()
    put(runtime, "i", price="2.50")
    post(runtime, event(event_type="buy"), event(event_type="buy", properties={"price": "0.25"}))
    assert read(runtime, "item_id", "i", "hour") == 2.75


def test_as_of_is_the_state_of_a_log_cut_at_that_moment(opened: Opened) -> None:
    runtime = opened()
    start = now() - 7_200_000
    for n in range(40):
        late = event(timestamp=start + n * 180_000, user_id=f"u{n % 3}", item_id=f"i{n % 4}")
        post(runtime, {**late, "event_type": ["view", "cart", "buy"][n % 3]})
    events = logged(runtime)
    for moment in (start + 1, start + 60 * 60_000, events[20].ts, events[20].ts + 1, now()):
        model = Model(PLAN, [e for e in events if e.ts < moment])
        for name, key, told in (
            ("odd", "i1", "i1"),
            ("hour", "i2", "i2"),
            ("recent", "u:u1", "u1"),
        ):
            feature = next(f for f in PLAN.features if f.name == name)
            wanted = model.value(feature, key, moment)
            assert read(runtime, feature.key, told, name, as_of=moment) == wanted


def test_a_full_queue_refuses_and_what_waited_is_kept(opened: Opened) -> None:
    runtime = opened(settings=Settings(queue_events=4, group_events=1))
    with runtime.replica.lock:  # the writer waits with what it has
        waiting = [runtime.submit(json.dumps(event()).encode()) for _ in range(4)]
        with pytest.raises(Overloaded) as error:
            post(runtime, event())
        assert error.value.retry_after > 0
    assert [submission.future.result().accepted for submission in waiting] == [1] * 4  # type: ignore[union-attr]
    assert post(runtime, event()).accepted == 1
    check(runtime)


def test_close_finishes_what_waits_and_refuses_what_comes(opened: Opened) -> None:
    runtime = opened()
    with runtime.replica.lock:
        waiting = [runtime.submit(json.dumps(event()).encode()) for _ in range(3)]
    opened.leave()
    assert [submission.future.result().accepted for submission in waiting] == [1] * 3  # type: ignore[union-attr]
    with pytest.raises(Unavailable):
        post(runtime, event())
    assert len(logged(opened())) == 3
