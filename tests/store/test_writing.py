"""A server writes what it folds into a real Valkey; whoever reads there sees what it sees."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from engines import free_port
from tests.batches import batch_of
from tests.conftest import needs_valkey
from tests.everything import app
from tests.model import Event
from tests.opened import PLAN, Opened, event, now, post, put
from tests.valkey_server import Server, valkey_server

from afresh.errors import Unavailable
from afresh.log import Pending
from afresh.log.sqlite import SqliteLog
from afresh.runtime import Runtime
from afresh.settings import Settings
from afresh.store.opening import open_store
from afresh.store.replica import Replica
from afresh.store.stored import Asked, Stored
from afresh.store.value import keys_of
from afresh.store.writing import Writing

pytestmark = pytest.mark.engine
ENTITIES = {
    "item_id": ["i", "j", "k", "nothing"],
    "user_id": ["u", "ann", "s:visit", "nobody"],
    "session_id": ["visit", "other"],
    "brand": ["red", "blue"],
    "item.category": ["shoes"],
}


@pytest.fixture
def settings(valkey: Server) -> Settings:
    """Of a store with keys of its own."""
    return Settings(store=valkey.url, store_prefix=uuid4().hex, store_timeout=20_000)


def some(runtime: Runtime) -> None:
    put(runtime, "i", category="shoes", brand="x", price="12.50", grade=3, fragile=False)
    said = post(
        runtime,
        event(properties={"price": 3, "brand": "red", "gift": True}),
        event(
            item_id="j",
            user_id=None,
            session_id="visit",
            properties={"price": 4, "brand": "blue", "gift": False},
        ),
        event(
            event_type="buy",
            session_id="other",
            properties={"price": 5, "brand": "red", "level": 2},
        ),
    )
    assert said.accepted == 3, said


def reader(runtime: Runtime) -> Stored:
    return Stored(runtime.plan, open_store(runtime.settings), runtime.settings.store_prefix)


def waited(true: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while not true() and time.monotonic() < until:
        time.sleep(0.005)
    return true()


def written(runtime: Runtime) -> bool:
    """Whether the store comes to reflect all that is folded."""
    assert runtime.writing is not None
    counts = runtime.writing.counts
    return waited(lambda: counts().ready and counts().behind == 0)


def same(
    runtime: Runtime, stored: Stored, entities: Mapping[str, Sequence[str]] = ENTITIES
) -> None:
    moment = now() + 1
    for key in keys_of(runtime.plan):
        features = [f for f in runtime.plan.features if f.key == key]
        asked = Asked(key, entities[key], features)
        got = stored.values(asked, stored.find([asked], moment)[0])
        assert got == runtime.replica.reader.values(key, entities[key], features, moment)


def test_what_is_folded_is_read_from_the_store(opened: Opened, settings: Settings) -> None:
    runtime = opened(settings=settings)
    stored = reader(runtime)
    assert written(runtime)
    same(runtime, stored)
    some(runtime)
    assert written(runtime)
    same(runtime, stored)
    post(
        runtime,
        event(event_type="identify", item_id=None, user_id="ann", session_id="visit"),
        event(item_id="k", user_id="ann", properties={"price": 7, "brand": "red", "gift": False}),
    )
    assert written(runtime)
    same(runtime, stored)
    assert runtime.stats()["store"].refused == 0


def test_the_next_start_writes_what_the_store_missed(opened: Opened, settings: Settings) -> None:
    runtime = opened(settings=settings)
    some(runtime)
    assert written(runtime)
    stored = reader(runtime)
    runtime = opened(settings=settings.model_copy(update={"store_write": False}))
    post(
        runtime,
        event(item_id="k", user_id="ann", properties={"price": 7, "brand": "red", "gift": False}),
    )
    runtime = opened(settings=settings)
    assert written(runtime)
    same(runtime, stored)
    # The users, the item and the group of one event, but not those written before.
    assert runtime.stats()["store"].written == 3


def test_what_is_left_is_written_when_the_server_ends(opened: Opened, settings: Settings) -> None:
    runtime = opened(settings=settings)
    some(runtime)
    stored, offset = reader(runtime), runtime.replica.offset
    opened.leave()
    assert stored.head().offsets == [offset]


def test_a_store_that_is_gone_holds_nothing_up_and_is_filled_when_it_is_back(
    opened: Opened, tmp_path: Path
) -> None:
    needs_valkey()
    port = free_port()
    settings = Settings(store=f"redis://127.0.0.1:{port}/0", store_timeout=3000)
    runtime = opened(settings=settings)
    some(runtime)
    assert waited(lambda: not runtime.stats()["store"].ready)
    assert runtime.ready()[0]
    for _ in range(2):  # the second time it was emptied meanwhile
        with valkey_server(tmp_path, port=port):
            assert waited(lambda: runtime.stats()["store"].ready)
            assert written(runtime)
            stored = reader(runtime)
            same(runtime, stored)
        assert waited(lambda: not runtime.stats()["store"].ready)
        post(runtime, event(item_id="k", properties={"price": 9, "brand": "red", "gift": False}))
    with pytest.raises(Unavailable, match="cannot be reached"):
        stored.head()


def test_a_store_that_was_emptied_is_filled_again(opened: Opened, settings: Settings) -> None:
    runtime = opened(settings=settings)
    some(runtime)
    assert written(runtime)
    stored = reader(runtime)
    client: Any = open_store(settings)
    keys = client._client.keys(f"{settings.store_prefix}:*")
    assert len(keys) > 8
    client._client.delete(*keys)
    with pytest.raises(Unavailable, match="holds nothing"):
        stored.head()

    def back() -> bool:
        try:
            return stored.head().offsets == [runtime.replica.offset]
        except Unavailable:
            return False

    assert waited(back)
    same(runtime, stored)


def test_a_writer_that_is_behind_overwrites_no_value(opened: Opened, settings: Settings) -> None:
    runtime = opened(settings=settings)
    some(runtime)
    assert written(runtime)
    stored, replica = reader(runtime), runtime.replica
    client: Any = open_store(settings)
    offset, touched = replica.offset, replica.state.touched
    behind = Writing(replica, runtime.log, open_store(settings), settings.store_prefix)
    with replica.lock:  # it lacks the last event, and takes the store for an empty one
        replica.offset = offset - 1
        client._client.delete(behind.keys.head)
        behind.start()
    assert waited(lambda: behind.counts().refused > 0)
    behind.close()
    assert behind.counts().written == 0
    with replica.lock:
        replica.offset, replica.state.touched = offset, touched
    assert waited(lambda: stored.head().offsets == [offset])
    same(runtime, stored)


def test_another_log_of_the_same_app_takes_over_and_two_at_once_are_told(
    opened: Opened, settings: Settings, tmp_path: Path
) -> None:
    first = opened(settings=settings)
    some(first)
    assert written(first)
    stored = reader(first)
    same(first, stored)
    second = Runtime.open(app, tmp_path / "second", settings)
    try:
        post(second, event(item_id="k", properties={"price": 9, "brand": "red", "gift": False}))
        assert written(second)
        same(second, stored)
        assert waited(lambda: not first.stats()["store"].ready)
        assert "store_prefix" in str(first.writing and first.writing.failure)
    finally:
        second.close()


def test_a_changed_definition_is_written_when_its_log_is_folded(
    changed: Runtime, settings: Settings, gate: Any
) -> None:
    writing = Writing(changed.replica, changed.log, open_store(settings), settings.store_prefix)
    writing.start()
    stored = Stored(changed.plan, open_store(settings), settings.store_prefix)
    with pytest.raises(Unavailable, match="holds nothing"):
        stored.head()
    gate.set()
    assert waited(lambda: changed.replica.warming is None and writing.counts().written > 0)
    assert waited(lambda: writing.counts().behind == 0)
    key = "item_id"
    features = [f for f in changed.plan.features if f.key == key]
    names = changed.replica.state.items.texts(range(3))
    asked = Asked(key, names, features)
    moment = now() + 1
    rows = stored.values(asked, stored.find([asked], moment)[0])
    assert rows == changed.replica.reader.values(key, names, features, moment)
    writing.close()


def test_a_shared_log_is_followed_by_its_partitions(tmp_path: Path, settings: Settings) -> None:
    """Of two mirrors of one log, each with offsets of its own, one goes on where the other was."""
    noon = 20_000 * 86_400_000

    def mirror(name: str, vectors: list[tuple[int, int]]) -> tuple[SqliteLog, Replica]:
        log, replica = SqliteLog(tmp_path / name, mirror_of="ab" * 8), Replica(PLAN)
        for vector in vectors:
            at = sum(vector)
            events = [Event(f"e{at}", "view", noon + at, None, f"i{at}", f"v{at}", {"price": at})]
            payload = batch_of(PLAN, events).encode()
            log.append([Pending("events", 1, noon + at, noon + at, noon, payload, vector=vector)])
        for entry in log.read():
            replica.apply(entry)
        return log, replica

    def wrote(log: SqliteLog, replica: Replica) -> int:
        writing = Writing(replica, log, open_store(settings), settings.store_prefix)
        writing.start()
        assert waited(lambda: writing.counts().ready)
        writing.close()
        log.close()
        return writing.counts().written

    # An item, a session, and an owner each; the first mirror does not know of two.
    assert wrote(*mirror("one", [(1, 0), (1, 1), (2, 1)])) == 9
    stored = Stored(PLAN, open_store(settings), settings.store_prefix)
    assert stored.head().offsets == [2, 1]
    log, replica = mirror("two", [(0, 1), (1, 1), (2, 1), (2, 2), (2, 3)])
    assert wrote(log, replica) == 6
    assert stored.head().offsets == [2, 3]
    features = [f for f in PLAN.features if f.key == "item_id"]
    asked = Asked("item_id", ["i1", "i2", "i3", "i4", "i5"], features)
    rows = stored.values(asked, stored.find([asked], noon + 1000)[0])
    assert rows == replica.reader.values("item_id", asked.names, features, noon + 1000)
