"""A reader of the store that knows the log answers a person's own clicks while nobody writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.mirrored import Mirrored, until
from tests.opened import event, post
from tests.valkey_server import Server

from afresh import App, Catalog, Features, count, daily, distinct, last, sliding
from afresh.answers import FeatureRows
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
        assert readers.fresh(token, who, "w")
    assert readers.fresh(token, "u", "new", "s:v", "w", "x", "nobody")
    # Nothing was written: without a token it is what the store has.
    assert readers.reader.features({"user_id": ["u"]}, ["views"], None).rows == [{"views": 3}]
    # What others did is not in a person's own events.
    both = {"user_id": ["u"], "item_id": ["i1"]}
    assert not readers.reader.features(both, None, None, token).fresh
