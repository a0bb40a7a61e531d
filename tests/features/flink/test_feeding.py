"""What a store holds of Flink's facts is what the embedded engine says, to the bit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from tests.conftest import needs_valkey
from tests.features.flink.conftest import Everything
from tests.valkey_server import Server

from afresh.features.reading import Reader
from afresh.feed.feeding import Feeding, Source
from afresh.log.kafka.consuming import Consuming
from afresh.log.kafka.topics import Cluster
from afresh.settings import Settings
from afresh.store.opening import open_store
from afresh.store.stored import Asked, Stored
from afresh.store.value import keys_of

pytestmark = pytest.mark.engine
PATIENCE_S = 30.0


@pytest.fixture
def settings(valkey: Server) -> Settings:
    return Settings(store=valkey.url, store_prefix=uuid4().hex, store_timeout=20_000)


def source(everything: Everything) -> Source:
    running = everything.running
    return Source(running.address, running.topics, running.job.group)


def until(true: Callable[[], bool]) -> None:
    late = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < late
        time.sleep(0.02)


def entities(everything: Everything, key: str) -> list[str]:
    """Every name that the stream has for a key, and one that it has not."""
    counted = everything.counted
    if key == "user_id":
        return sorted({f"s:{e.session}" for e in counted if e.session}
                      | {e.user for e in counted if e.user} | {"nobody"})  # fmt: skip
    if key in ("item_id", "session_id"):
        names = {e.item if key == "item_id" else e.session for e in counted}
        return sorted({name for name in names if name} | {"nothing"})
    return sorted({str(e.fields[key]) for e in counted if e.fields.get(key)} | {"nothing"})


def same(everything: Everything, settings: Settings) -> None:
    """At the end and when windows have moved on."""
    plan, state = everything.running.plan, everything.state
    stored = Stored(plan, open_store(settings), settings.store_prefix)
    reader = Reader(state)
    for key in keys_of(plan):
        features = [f for f in plan.features if f.key == key]
        asked = Asked(key, entities(everything, key), features)
        for later in (1, 61_000, 3_600_000):
            moment = state.newest + later
            got = stored.values(asked, stored.find([asked], moment)[0])
            wanted = reader.values(key, asked.names, features, moment)
            differ = [n for n, a, b in zip(asked.names, got, wanted, strict=True) if a != b]
            assert not differ, (key, later, differ[:3])
    stored.store.close()


def test_values_in_the_store_are_those_of_the_embedded_engine(
    everything: Everything, settings: Settings
) -> None:
    store = open_store(settings)
    feeding = Feeding(everything.running.plan, source(everything), store, settings.store_prefix)
    feeding.start()
    try:
        until(lambda: all(p.vector == ends(everything) for p in feeding.ledger.read()))
        same(everything, settings)
        assert feeding.counts().refused == feeding.counts().unread == 0
    finally:
        feeding.close()
        store.close()


def ends(everything: Everything) -> list[int]:
    """The place of all that was written to the topics."""
    running = everything.running
    consuming = Consuming(running.address, Cluster(running.address).find(running.topics).partitions)
    found = [end for _, end in consuming.bounds()]
    consuming.close()
    return found
