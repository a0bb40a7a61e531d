"""A reader of the store that knows the log answers a person's own clicks while nobody writes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from engines import free_port
from engines.kafka import Kafka
from tests.batches import batch_of
from tests.mirrored import Mirrored, until
from tests.model import Event
from tests.opened import event, post
from tests.valkey_server import Server

from afresh import App, Catalog, Features, count, daily, distinct, last, sliding
from afresh.answers import FeatureRows
from afresh.log.kafka.wire import placed
from afresh.mirror.runtime import MirrorRuntime
from afresh.own_events import OwnEvents
from afresh.settings import Settings
from afresh.store.opening import open_store
from afresh.stored_answers import StoredAnswers

pytestmark = pytest.mark.engine

app = App("own")


class Goods(Catalog):
    category: str


view = app.event("view", 1)
buy = app.event("buy", 10)
glance = app.event("glance", 0)


class ByItem(Features, key="item_id"):
    looked_at = count(view, window=daily(1))


class ByUser(Features, key="user_id"):
    recent = last(view, buy, n=5)
    views = count(view, window=daily(1))
    tastes = count(view, by=Goods.category, window=sliding("6h"))
    things = distinct(view.item_id, window=daily(1))
    glances = count(glance, window=daily(1))


class BySession(Features, key="session_id"):
    steps = last(view, buy, n=5)
    looks = count(view, window=daily(1))


PLAIN = ["recent", "views", "tastes", "things"]


class Readers:
    """Servers that fold and one that reads, of one store and topics of their own."""

    def __init__(self, mirrored: Mirrored, valkey: Server) -> None:
        self.mirrored = mirrored
        self.where: dict[str, Any] = {
            "store": valkey.url,
            "store_prefix": mirrored.topics.prefix,
            "store_timeout": 20_000,
        }
        self.reader = self.reading(mirrored.settings.log)
        self.writer = mirrored("writer", app, **self.where)
        self.door = mirrored("door", app)

    def reading(self, log: str) -> StoredAnswers:
        settings = Settings(log=log, **self.where)
        own = OwnEvents(app.plan(), settings)
        own.start()
        return StoredAnswers(app.plan(), open_store(settings), self.where["store_prefix"], own)

    def stop_writing(self, *events: dict[str, Any]) -> None:
        """Once the store has these."""
        token = post(self.writer, *events).offset
        until(lambda: self.asked(token, "u").fresh)
        self.mirrored.leave("writer")
        assert self.reader.own is not None
        until(lambda: self.reader.own is not None and self.reader.own.ready)

    def asked(self, token: str, *users: str, names: list[str] = PLAIN) -> FeatureRows:
        return self.reader.features({"user_id": list(users)}, names, None, token)

    def folded(self, *users: str, names: list[str] = PLAIN) -> list[dict[str, Any]]:
        return self.door.features({"user_id": list(users)}, names, None).rows

    def fresh(self, token: str, *users: str) -> bool:
        """Whether the answer is fresh; then it is what a server that folds says."""
        found = self.asked(token, *users)
        assert not found.fresh or found.rows == self.folded(*users)
        return found.fresh

    def become_fresh(self, token: str, *users: str) -> None:
        """A busy machine may not read it in time at first."""
        until(lambda: self.fresh(token, *users))


@pytest.fixture
def readers(mirrored: Mirrored, valkey: Server) -> Iterator[Readers]:
    made = Readers(mirrored, valkey)
    yield made
    made.reader.close()


def test_own_clicks_are_there_though_nobody_writes_the_store(readers: Readers) -> None:
    readers.stop_writing(*(event(item_id=f"i{n}") for n in range(3)), event(user_id="w"))
    for n in range(20):
        who = ("u", "new", "s:v")[n % 3]
        said = {"session_id": "v", "user_id": None} if who == "s:v" else {"user_id": who}
        said |= {"item_id": f"i{n % 7}", "event_type": ("view", "buy")[n % 2]}
        token = post(readers.door, event(**said), event(user_id="w"), event(user_id="x")).offset
        readers.become_fresh(token, who, "w")
    readers.become_fresh(token, "u", "new", "s:v", "w", "x", "nobody")
    # Nothing was written: without a token it is what the store has.
    assert readers.reader.features({"user_id": ["u"]}, ["views"], None).rows[0]["views"] == 3
    # A session's own features count what all did in it.
    said = [event(user_id=who, session_id="v", item_id=who) for who in ("w", "x")]
    token = post(readers.door, *said).offset
    visit = {"session_id": ["v", "v9"]}
    found = readers.reader.features(visit, None, None, token)
    while not found.fresh:
        found = readers.reader.features(visit, None, None, token)
    assert found.rows == readers.door.features(visit, None, None).rows
    assert set(found.rows[0]["steps"][:2]) == {"w", "x"}
    # What others did is not in a person's own events.
    both = {"user_id": ["u"], "item_id": ["i1"]}
    assert not readers.reader.features(both, None, None, token).fresh


def test_a_copy_counts_once_and_what_cannot_be_known_is_left(readers: Readers) -> None:
    first, told = event(event_id="first", item_id="i0"), event(event_id="told", item_id="i1")
    readers.stop_writing(first)
    post(readers.door, told)
    for said in (first, told, told):  # as another door lets them in at the same moment
        copy(readers.door, said)
    token = post(readers.door, event(user_id="w")).offset
    until(lambda: readers.door.mirroring.copies == 3)
    readers.become_fresh(token, "u")
    assert readers.folded("u")[0]["views"] == 2

    # What is no action on an item is in no history: features that count it wait for the store.
    token = post(readers.door, event(event_type="glance")).offset
    readers.become_fresh(token, "u")
    assert not readers.asked(token, "u", names=["glances"]).fresh
    # So do those of somebody who is only now known by name.
    said = event(event_type="identify", session_id="v", item_id=None)
    assert not readers.fresh(post(readers.door, said).offset, "u")
    readers.become_fresh(post(readers.door, event(user_id="w")).offset, "w")
    # The next writer brings all of it.
    readers.mirrored("writer", app, **readers.where)
    until(lambda: readers.asked(token, "u", names=["glances"]).fresh)


def copy(door: MirrorRuntime, said: dict[str, Any]) -> None:
    """Write an event past the door's memory."""
    it = Event(said["event_id"], "view", said["timestamp"], said["user_id"], said["item_id"])
    batch, written = batch_of(app.plan(), [it]), threading.Event()
    keys, where = placed(batch, door.found.events)
    writer = door.writer
    lines = writer.wire.encode(batch)
    writer.producing.write(door.topics.events, keys, lines, where, lambda _: written.set())
    assert written.wait(20)


def test_brokers_that_are_gone_or_silent_hold_no_answer_up(readers: Readers, kafka: Kafka) -> None:
    readers.stop_writing(event())
    token = post(readers.door, event()).offset
    elsewhere = readers.reading(f"kafka://127.0.0.1:{free_port()}/gone")
    try:
        found = elsewhere.features({"user_id": ["u"]}, ["views"], None, token)
        assert (found.fresh, found.rows[0]["views"]) == (False, 1)
    finally:
        elsewhere.close()
    os.kill(kafka.pid, signal.SIGSTOP)
    try:
        found = readers.asked(token, "u")
        assert (found.fresh, found.rows[0]["views"]) == (False, 1)
    finally:
        os.kill(kafka.pid, signal.SIGCONT)
    until(lambda: readers.asked(token, "u").fresh)


def test_too_much_to_read_is_not_read(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    readers.stop_writing(event())
    token = post(readers.door, *(event(item_id=f"i{n}") for n in range(9))).offset
    monkeypatch.setattr("afresh.own_events.MOST", 8)
    assert not readers.fresh(token, "u")
    monkeypatch.setattr("afresh.own_events.MOST", 9)
    readers.become_fresh(token, "u")
