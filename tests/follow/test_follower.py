"""A follower has the state of the log, whatever was written and whenever it began to follow."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.events_made import histories
from tests.everything import app
from tests.model import Event
from tests.opened import AGES, Opened, event, post, put
from tests.serve.workers_started import until
from tests.test_recovery import posted, snapshot

from afresh.errors import BadRequest, Unavailable
from afresh.events.batch import EventBatch
from afresh.follow.bell import Bell
from afresh.follow.calls import Done, encoded, read_reply
from afresh.follow.follower import Follower
from afresh.follow.peers import Peers
from afresh.log import Entry
from afresh.log.token import Place, write_token
from afresh.runtime import Runtime
from afresh.settings import Settings
from afresh.submission import Submission
from afresh.surface import Query


class Following:
    """Followers of one folder, beside its runtime; all are closed in the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open: list[tuple[Follower, Bell]] = []
        self.lost: list[Exception] = []

    def __call__(self) -> Follower:
        bell = Bell()
        made = Follower.open(
            app, self.folder, AGES, bell, Peers(), lost=lambda error: self.lost.append(error)
        )
        self.open.append((made, bell))
        return made

    def leave(self) -> None:
        while self.open:
            follower, bell = self.open.pop()
            follower.close()
            bell.close()


@pytest.fixture
def following(tmp_path: Path) -> Iterator[Following]:
    made = Following(tmp_path)
    yield made
    made.leave()


def caught(follower: Follower, runtime: Runtime) -> bool:
    until(lambda: follower.replica.offset == runtime.store.end)
    return follower.replica.canonical() == runtime.replica.canonical()


def weigh(runtime: Runtime, record: bytes) -> None:
    runtime.writer.submit(sent := Submission(weights=record))
    sent.future.result(10)


@settings(max_examples=25)
@given(histories(most=12), st.data())
def test_it_has_what_the_writer_has(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("followed")
    opened, following = Opened(folder), Following(folder)
    acts = ["", "", "follow", "again", "put", "delete", "weights", "sweep", "snapshot", "restart"]
    try:
        runtime = opened(settings=AGES)
        first = following()
        for at, made in enumerate(events):
            post(runtime, posted(made))
            act = data.draw(st.sampled_from(acts))
            if act == "follow":
                following()
            elif act == "again":
                following.leave()
                first = following()
            elif act == "put":
                put(runtime, f"i{at % 3}", category="red", grade=at % 5)
            elif act == "delete" and runtime.item("i1") is not None:
                asyncio.run(runtime.delete_item("i1"))
            elif act == "weights":
                weigh(runtime, b'{"at": %d}' % at)
            elif act == "sweep":
                with first.replica.lock:
                    first.replica.sweep()
            elif act == "snapshot":
                snapshot(runtime)
            elif act == "restart":
                runtime = opened(settings=AGES)
        for follower, _ in following.open:
            assert caught(follower, runtime)
        assert not following.lost
    finally:
        following.leave()
        opened.leave()


def test_its_answers_are_those_of_the_writer(opened: Opened, following: Following) -> None:
    runtime = opened()
    put(runtime, "i", category="red")
    follower = following()
    post(runtime, *[event(item_id=f"i{n % 3}", session_id=f"s{n % 4}") for n in range(40)])
    assert caught(follower, runtime)
    asked = Query(surface=app.surfaces[0].name, user_id="u", session_id="s1", n=5)
    now = runtime.replica.now() + 1000
    with runtime.replica.lock, follower.replica.lock:
        mine, _ = follower.recommended(asked, now, "same")
        theirs, _ = runtime.recommended(asked, now, "same")
    mine.freshness_ms = theirs.freshness_ms
    assert mine == theirs


def test_it_never_writes(opened: Opened, following: Following) -> None:
    runtime = opened()
    post(runtime, event())
    follower = following()

    async def write() -> None:
        for writing in (
            follower.post_events(b"{}"),
            follower.post_items(b"{}"),
            follower.put_item("i", {}),
            follower.delete_item("i"),
        ):
            with pytest.raises(Unavailable):
                await writing
        with pytest.raises(Unavailable):
            follower.take_events(b"{}", lambda receipt: None)

    asyncio.run(write())
    end = runtime.store.end
    following.leave()
    assert runtime.store.end == end
    assert not opened.snapshots


def test_it_hears_of_each_group_after_it_is_folded(opened: Opened, following: Following) -> None:
    runtime = opened()
    follower = following()
    heard: list[tuple[list[str], int]] = []

    def hear(batch: EventBatch) -> None:
        heard.append((batch.strings("item_id"), follower.replica.offset))

    follower.on_folded(hear)
    post(runtime, event(item_id="a"), event(item_id="b"))
    put(runtime, "i")
    post(runtime, event(item_id="c"))
    until(lambda: len(heard) == 2)
    assert heard == [(["a", "b"], 2), (["c"], 4)]


def test_a_place_is_waited_for(opened: Opened, following: Following) -> None:
    runtime = opened()
    post(runtime, event())
    follower = following()
    log, end = runtime.log.id, runtime.store.end

    async def wait() -> None:
        assert follower.caught_up(None) is None
        assert follower.caught_up(write_token(Place(log, (end,), 0))) is None
        with pytest.raises(BadRequest):
            follower.caught_up("nonsense")
        with pytest.raises(BadRequest):
            follower.caught_up(write_token(Place("0" * 16, (end,), 0)))
        soon = follower.caught_up(write_token(Place(log, (end + 1,), 0)))
        never = follower.caught_up(write_token(Place(log, (end + 9,), 0)))
        assert soon is not None
        assert never is not None
        await asyncio.to_thread(post, runtime, event())
        await soon
        assert follower.replica.offset == end + 1
        assert not never.done()
        await never
        assert follower.replica.offset == end + 1
        assert not follower.following._waiting

    asyncio.run(wait())


def test_whoever_writes_waits_for_what_a_follower_has_folded(
    opened: Opened, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = opened()
    follower = following()
    fold, may = runtime.replica.fold_events, threading.Event()

    def late(batch: EventBatch, offset: int) -> None:
        may.wait(60)
        fold(batch, offset)

    monkeypatch.setattr(runtime.replica, "fold_events", late)
    posting = threading.Thread(target=post, args=(runtime, event()))
    posting.start()
    until(lambda: follower.replica.offset == 1)
    token = follower.offset_token()

    async def wait() -> None:
        waiting = runtime.caught_up(token)
        assert waiting is not None
        await asyncio.sleep(0.01)
        assert not waiting.done()
        may.set()
        await waiting
        assert runtime.replica.offset == 1
        assert runtime.caught_up(token) is None

    asyncio.run(wait())
    posting.join()


def test_a_damaged_log_is_not_followed(
    opened: Opened, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = opened()
    follower = following()

    def fail(entry: Entry) -> None:
        raise ValueError("the state is in the way")

    monkeypatch.setattr(follower.replica, "apply", fail)
    post(runtime, event())
    until(lambda: following.lost)
    monkeypatch.setattr("afresh.follow.follower.BEHIND_S", 0.0)
    ready, why = follower.ready()
    assert not ready
    assert "behind" in why


def test_what_retention_dropped_is_not_passed_over(
    opened: Opened, following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = opened(settings=Settings())
    post(runtime, event())
    follower = following()
    monkeypatch.setattr(follower.following, "_fold", lambda: None)
    for _ in range(3):
        post(runtime, event())
    dropped = runtime.store.trim(before_arrival=1 << 60, upto=runtime.store.end - 1)
    assert dropped.records == 3
    monkeypatch.undo()
    until(lambda: following.lost)
    assert "Retention dropped" in str(following.lost[0])
    assert follower.replica.offset == 1


def test_a_bell_wakes_once_for_many_rings() -> None:
    bell = Bell()
    for _ in range(100_000):
        bell.ring()  # more than a pipe holds
    bell.wait(60)
    while bell._poll.poll(0):
        bell.wait(60)
    bell.wait(0)
    bell.ring()
    bell.wait(60)
    bell.close()


def test_a_receipt_crosses_whole(opened: Opened) -> None:
    receipt = post(opened(), event(), event(event_type="nope"))
    assert receipt.rejected
    assert read_reply(encoded(Done(receipt))) == Done(receipt)
