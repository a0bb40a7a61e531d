"""A definition that changes while the shop is open: answers at once, then what it newly asks."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.opened import Opened, check, event, logged, now, post, put, read
from tests.widened import asked, shop, wait, warm

import afresh.recovery
from afresh.features import room
from afresh.features.room import Room
from afresh.runtime import Runtime
from afresh.settings import Settings
from afresh.surface import Query
from afresh.vectors.items import ItemVectors


def test_it_answers_at_once_says_what_warms_and_becomes_a_fold_from_nothing(
    changed: Runtime, gate: threading.Event
) -> None:
    assert changed.ready() == (True, "")
    said = asked(changed, "u0")
    null = {"kinds": None, "tastes": None}
    assert said["rows"] == [{"user_id": "u0", **null}, {"item_id": "i", "hour": 9}]
    assert said["warming"] == ["kinds", "tastes"]
    receipt = post(changed, event(user_id="u0", item_id="j", properties={"brand": "c"}))
    put(changed, "l", category="blue", title="green shoes")
    post(changed, event(user_id="u2", item_id="l"))
    asyncio.run(changed.delete_item("k"))
    answer = changed.recommend(Query(user_id="u0", after=receipt.offset))
    assert answer.fresh
    assert answer.degraded == []
    assert {item.item_id for item in answer.items} >= {"i", "j", "l"}
    assert read(changed, "item_id", "j", "hour") == 1
    warm(changed, gate)
    said = asked(changed, "u0")
    assert "warming" not in said
    assert said["rows"][0]["kinds"] == {"b": 5, "c": 1}
    assert read(changed, "user_id", "u2", "tastes") == {"blue": 1}
    check(changed)
    put(changed, "m", category="green", title="green shoes")
    post(changed, event(user_id="u0", item_id="m", properties={"brand": "c"}))
    assert read(changed, "user_id", "u0", "kinds") == {"b": 5, "c": 2}
    # The old definition split by no category, so the door wrote none into the five events.
    assert read(changed, "user_id", "u0", "tastes") == {"": 5, "green": 1, "red": 1}
    check(changed)


def test_what_warms_can_be_asked_of_the_log(changed: Runtime) -> None:
    assert read(changed, "user_id", "u1", "kinds", as_of=now() + 1) == {"b": 4}


def test_the_item_vectors_go_on(changed: Runtime, gate: threading.Event) -> None:
    def near(vectors: ItemVectors) -> list[str]:
        with changed.replica.lock:
            items = changed.replica.state.items
            return items.texts(vectors.near_items(np.array([items.find_one("i")]), 9)[0].items)

    put(changed, "o", category="red", title="red shoes")
    vectors = changed.surfaces.sources.vectors
    index, before = vectors._index, near(vectors)
    assert before[:2] == ["o", "i"]
    warm(changed, gate)
    assert near(vectors) == before
    put(changed, "o", category="red", title="a grey hat")
    assert near(vectors) == near(ItemVectors(changed.replica))
    assert vectors._index is index, "nothing is embedded again"


def test_closed_on_the_way_the_next_start_begins_again(
    opened: Opened, changed: Runtime, gate: threading.Event
) -> None:
    post(changed, event(event_id="late", user_id="u0", properties={"brand": "d"}))
    before = [path.name for path in opened.snapshots]
    opened.leave()
    assert [path.name for path in opened.snapshots] == before
    runtime = opened(shop(wide=True))
    assert asked(runtime, "u0")["warming"] == ["kinds", "tastes"]
    assert read(runtime, "item_id", "i", "hour") == 10
    warm(runtime, gate)
    check(runtime)
    opened.leave()
    runtime = opened(shop(wide=True))
    assert runtime.recovery.backfill is None
    check(runtime)


def test_a_snapshot_follows_at_once(opened: Opened, changed: Runtime, gate: Any) -> None:
    before = changed.replica.offset
    warm(changed, gate)
    wait(lambda: changed.recovery.saved_offset == before)
    opened.leave(snapshot=False)
    runtime = opened(shop(wide=True))
    assert runtime.recovery.backfill is None
    check(runtime)


def test_killed_on_the_way_nothing_is_lost(
    opened: Opened, changed: Runtime, gate: threading.Event
) -> None:
    opened.leave()
    command = [sys.executable, "-m", "tests.backfill_driver", str(opened.folder)]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, cwd=root, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = iter(process.stdout.readline, "")
        assert any(line == "warming\n" for line in said)
        acked = [line.split()[1] for line in islice(said, 20) if line.startswith("ack ")]
        os.kill(process.pid, signal.SIGKILL)
    runtime = opened(shop(wide=True))
    assert runtime.recovery.backfill is not None
    assert read(runtime, "item_id", "i", "hour") >= 29
    warm(runtime, gate)
    check(runtime)
    assert len(acked) > 10
    assert {event.id for event in logged(runtime)} >= {"e0", "e8", *acked}


def test_events_and_requests_all_the_while(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(afresh.recovery, "AT_ONCE", 0)
    runtime = opened(shop(wide=False))
    for at in range(40):
        many = [event(user_id=f"u{n}", item_id=f"i{(at * n) % 60}") for n in range(50)]
        post(runtime, *many)
    runtime = opened(shop(wide=True))
    backfill = runtime.recovery.backfill
    assert backfill is not None
    failed: list[BaseException] = []
    ended = threading.Event()

    def posts(number: int) -> None:
        try:
            for at in range(10**6):
                if ended.is_set():
                    return
                item = f"p{number}.{at}"
                receipt = post(runtime, event(user_id=f"p{number}", item_id=item))
                put(runtime, item, category="red", title=f"shoe {at % 7}")
                answer = runtime.recommend(Query(user_id=f"u{number}", after=receipt.offset))
                assert answer.fresh
                assert answer.items
                assert read(runtime, "item_id", item, "hour") == 1
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=posts, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    wait(lambda: runtime.recovery.backfill is None or failed)
    time.sleep(0.2)
    ended.set()
    for thread in threads:
        thread.join()
    assert not failed
    check(runtime)


@pytest.mark.skipif(not Room.is_possible(), reason="a ceiling needs Linux")
def test_under_a_ceiling_on_memory(
    opened: Opened, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SMALL", 64)
    little = Settings(state_memory=4096)
    runtime = opened(shop(wide=False), little)
    post(runtime, *(event(user_id=f"u{n}", item_id=f"i{n % 7}") for n in range(99)))
    runtime = opened(shop(wide=True), little)
    before = runtime.replica.room
    post(runtime, event(user_id="u1", item_id="i1"))
    warm(runtime, gate)
    assert runtime.replica.room is runtime.replica.state.room
    assert runtime.replica.room is not before
    assert runtime.replica.room.ceiling == before.ceiling
    post(runtime, event(user_id="u1", item_id="i1"))
    assert read(runtime, "user_id", "u1", "kinds") == {"": 3}
    check(runtime)
