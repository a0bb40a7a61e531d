"""A definition that changes while the shop is open: answers at once, then what it newly asks."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient
from structlog.testing import capture_logs
from tests.opened import Opened, check, event, logged, now, post, put, read

import afresh.recovery
from afresh import App, Catalog, Features, count, daily, preference, sliding, trending
from afresh.backfill import Backfill
from afresh.runtime import Runtime
from afresh.settings import Settings
from afresh.surface import Query
from afresh.vectors.items import ItemVectors
from afresh.watch.metrics import observed_app


class Things(Catalog):
    category: str
    title: str


def shop(*, wide: bool, window: str = "24h", likes: bool = False) -> App:
    made = App("shop", catalog=Things, features=[])
    view = made.event("view", brand=str)
    if likes:
        made.event("like", 2)

    class Narrow(Features, key="item_id"):
        hour = count(view, window=sliding("1h"))

    class Wide(Features, key="user_id"):
        kinds = count(view, by=view.brand, window=daily(1))
        tastes = count(view, by=Things.category, window=daily(1))

    made._features = [Narrow, Wide] if wide else [Narrow]
    made.surface("home", sources=[trending(window), preference()], filters=[])
    return made


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Backfills, also of the smallest logs, stop after each entry until it is set."""
    gate = threading.Event()

    def rest(self: Backfill) -> None:
        while not (gate.is_set() or self._closing.is_set()):
            gate.wait(0.01)

    monkeypatch.setattr(afresh.recovery, "AT_ONCE", 0)
    monkeypatch.setattr(Backfill, "_rest", rest)
    yield gate
    gate.set()


@pytest.fixture
def changed(opened: Opened, gate: threading.Event) -> Runtime:
    """A shop with a history, opened again with the wider definition; its backfill stands."""
    runtime = opened(shop(wide=False))
    for item, title in (("i", "red shoes"), ("j", "red boots"), ("k", "a blue lamp")):
        put(runtime, item, category="red", title=title)
    for at in range(9):
        post(runtime, event(event_id=f"e{at}", user_id=f"u{at % 2}", properties={"brand": "b"}))
    runtime = opened(shop(wide=True))
    assert runtime.recovery.backfill is not None
    return runtime


def warm(runtime: Runtime, gate: threading.Event) -> None:
    """Let the backfill go, and wait until it has taken over."""
    gate.set()
    wait(lambda: runtime.recovery.backfill is None)
    assert runtime.replica.warming is None


def wait(for_: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not for_():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def asked(runtime: Runtime, user: str) -> dict[str, Any]:
    found = runtime.features({"user_id": [user], "item_id": ["i"]}, None, None)
    return dict(msgspec.json.decode(msgspec.json.encode(found)))


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
            return items.texts(vectors.near_item(items.find_one("i"), 9).items)

    put(changed, "o", category="red", title="red shoes")
    vectors = changed.surfaces.sources.vectors
    index, before = vectors._index, near(vectors)
    assert before[:2] == ["o", "i"]
    warm(changed, gate)
    assert near(vectors) == before
    put(changed, "o", category="red", title="a grey hat")
    assert near(vectors) == near(ItemVectors(changed.replica))
    assert vectors._index is index, "nothing is embedded again"


def test_progress_is_told(changed: Runtime, gate: threading.Event, tmp_path: Path) -> None:
    def metrics() -> tuple[float, float]:
        lines = dict(
            line.split(" ")
            for line in client.get("/metrics").text.splitlines()[::-1]
            if line[0] != "#"
        )
        said = ("afresh_backfill_done_records", "afresh_backfill_records")
        return float(lines[said[0]]), float(lines[said[1]])

    with TestClient(
        observed_app(changed, Settings(data=tmp_path)), base_url="http://127.0.0.1"
    ) as client:  # type: ignore[type-var]
        wait(lambda: metrics()[0] > 0)
        done, total = metrics()
        assert 0 < done < total == 12
        assert client.get("/readyz").status_code == 200
        body = client.post("/v1/features", json={"keys": {"user_id": ["u0"]}}).json()
        assert body["warming"] == ["kinds", "tastes"]
        warm(changed, gate)
        assert metrics() == (0, 0)


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


def test_a_trimmed_log_is_told_of(opened: Opened, gate: threading.Event) -> None:
    runtime = opened(shop(wide=False))
    post(runtime, event())
    post(runtime, event())
    runtime = opened(shop(wide=False))
    assert runtime.store.trim(before_arrival=now() + 1, upto=1).records == 1
    with capture_logs() as lines:
        opened(shop(wide=True))
    (told,) = [line for line in lines if line["event"] == "folded_without_the_past"]
    assert told["features"] == []
    assert told["first_offset"] == 1


def test_retention_waits_for_the_backfill(
    changed: Runtime, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    backfill = changed.recovery.backfill
    assert backfill is not None
    wait(lambda: backfill.replica.offset)
    (kept,) = opened.snapshots  # trimming needs two; the older one decides
    kept.with_name(f"{10**9:020d}.snapshot").write_bytes(kept.read_bytes())
    monkeypatch.setattr(changed.admission.known, "horizon_s", -10)  # nothing else holds it back
    changed.recovery.settings = Settings(log_retention_age=60_000)
    upto: list[int] = []
    monkeypatch.setattr(changed.store, "trim", lambda **said: upto.append(said["upto"]))
    changed.recovery.trim()
    assert upto == [1] == [backfill.replica.offset]


def test_only_a_source_that_is_used_and_warms_is_named(
    opened: Opened, gate: threading.Event
) -> None:
    post(opened(shop(wide=False)), event(), event(user_id="w"))
    runtime = opened(shop(wide=False, window="6h"))
    assert runtime.recommend(Query(user_id="u")).degraded == ["warming:trending"]
    assert runtime.trending("6h", 5, {}).degraded == ["warming:trending"]
    assert runtime.trending("24h", 5, {}).degraded == []
    assert runtime.similar("i", 5).degraded == []
    warm(runtime, gate)
    assert runtime.recommend(Query(user_id="u")).degraded == []
    assert [item.item_id for item in runtime.trending("6h", 5, {}).items] == ["i"]
    check(runtime)


def test_a_new_event_type_is_taken_at_once(opened: Opened, gate: threading.Event) -> None:
    post(opened(shop(wide=False)), event(), event(user_id="w"))
    runtime = opened(shop(wide=False, likes=True))
    assert post(runtime, event(event_type="like", item_id="j")).accepted == 1
    degraded = ["warming:trending", "warming:preference"]
    assert runtime.recommend(Query(user_id="u")).degraded == degraded
    assert runtime.similar("i", 5).degraded == ["warming:similar"]
    warm(runtime, gate)
    check(runtime)
    assert runtime.trending("24h", 5, {}).items[0].item_id == "i"
    assert len(runtime.trending("24h", 5, {}).items) == 2


def test_what_cannot_be_taken_over_is_folded_first_and_said(
    opened: Opened, gate: threading.Event
) -> None:
    runtime = opened(shop(wide=False, likes=True))
    post(runtime, event(), event(event_type="like"))
    with capture_logs() as lines:
        runtime = opened(shop(wide=True))
    assert runtime.recovery.backfill is None
    said = [line["reason"] for line in lines if line["event"] == "folding_before_answers"]
    assert said == ["the event type like is gone"]
    assert asked(runtime, "u")["rows"][0]["kinds"] == {"": 1}


def test_a_failing_backfill_leaves_the_answers_alone(
    changed: Runtime, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    backfill = changed.recovery.backfill
    assert backfill is not None

    def broken(entry: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(backfill.replica, "apply", broken)
    gate.set()
    wait(lambda: backfill.failure)
    post(changed, event(user_id="u0", item_id="i"))
    assert read(changed, "item_id", "i", "hour") == 10
    assert asked(changed, "u0")["warming"] == ["kinds", "tastes"]
