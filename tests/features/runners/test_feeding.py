"""What a store holds of a runner's facts is what the embedded engine says, to the bit."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen
from uuid import uuid4

import pytest
from engines import free_port
from tests.conftest import needs_valkey
from tests.failing_over import FailingOver
from tests.features.conftest import Everything
from tests.valkey_server import Server, valkey_server

import afresh.feed.feeding
from afresh.errors import Unavailable
from afresh.features.reading import Reader
from afresh.feed.feeding import Feeding, Source
from afresh.feed.progress import Ledger
from afresh.log.kafka.consuming import Consuming
from afresh.log.kafka.topics import Cluster
from afresh.settings import Settings
from afresh.store.opening import open_store
from afresh.store.stored import Asked, Stored
from afresh.store.value import Keys, keys_of

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]


BOTH = pytest.mark.parametrize(
    "everything", ["flink", pytest.param("kafka_streams", marks=pytest.mark.nightly)], indirect=True
)


@pytest.fixture(autouse=True)
def _installed() -> None:
    needs_valkey()


PATIENCE_S = 30.0


def source(everything: Everything) -> Source:
    running = everything.running
    return Source(running.address, running.topics, running.reads)


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


def same(everything: Everything, stored: Stored) -> None:
    """At the end and when windows have moved on."""
    plan, state = everything.running.plan, everything.state
    reader = Reader(state)
    for key in keys_of(plan):
        features = [f for f in plan.features if f.key == key]
        asked = Asked(key, entities(everything, key), features)
        for later in (1, 61_000):
            moment = state.newest + later
            got = stored.values(asked, stored.find([asked], moment)[0])
            wanted = reader.values(key, asked.names, features, moment)
            differ = [n for n, a, b in zip(asked.names, got, wanted, strict=True) if a != b]
            assert not differ, (key, later, differ[:3])


def reflects(everything: Everything, stored: Stored) -> bool:
    """Whether the store says that it has all that was written to the topics."""
    try:
        return stored.head().offsets == ends(everything)
    except Unavailable:
        return False


@BOTH
def test_values_are_those_of_the_embedded_engine_though_the_store_was_away_and_lost_all(
    everything: Everything, tmp_path: Path
) -> None:
    """By two feeders, who share the partitions."""
    settings = of_store(free_port())
    store = open_store(settings)
    plan, where = everything.running.plan, source(everything)
    stored = Stored(plan, store, settings.store_prefix)
    feeders = [Feeding(plan, where, store, settings.store_prefix) for _ in range(2)]
    for feeding in feeders:
        feeding.start()
    try:
        until(lambda: all(len(feeding.sharing.mine) == 1 for feeding in feeders))
        until(lambda: all("cannot be reached" in feeding.ready()[1] for feeding in feeders))
        written: list[int] = []
        while len(written) < 2:
            with valkey_server(tmp_path, port=port_of(settings)):
                until(lambda: reflects(everything, stored) and all(f.ready()[0] for f in feeders))
                written.append(sum(feeding.counts().written for feeding in feeders))
                if len(written) == 2:
                    same(everything, stored)
            until(lambda: not any(feeding.ready()[0] for feeding in feeders))
        assert written[1] > written[0] > 0
        for feeding in feeders:
            assert feeding.counts().refused == feeding.counts().unread == 0
            assert feeding.counts().written > 0
    finally:
        for feeding in feeders:
            feeding.close()
        store.close()


@BOTH
def test_a_feeder_that_was_killed_leaves_no_trace(
    everything: Everything, valkey: Server, tmp_path: Path
) -> None:
    settings = of_store(valkey.port)
    with feeder(everything, settings, tmp_path / "first") as process:
        until(lambda: any(p.at for p in ledger(everything, settings).read()))
        process.kill()
    port, store = free_port(), open_store(settings)
    stored = Stored(everything.running.plan, store, settings.store_prefix)
    with feeder(everything, settings, tmp_path / "second", port):
        until(lambda: reflects(everything, stored))
        same(everything, stored)
        with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            page = answer.read().decode()
    store.close()
    assert 'afresh_feed_rows_total{verdict="refused"} 0.0' in page
    assert "afresh_feed_behind_rows 0.0" in page
    assert "afresh_feed_ready 1.0" in page


@BOTH
@pytest.mark.parametrize(("at", "lost"), [pytest.param(7, 6, marks=pytest.mark.nightly), (30, 5)])
def test_a_copy_that_was_behind_takes_the_store_over(
    everything: Everything, at: int, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(afresh.feed.feeding, "PORTION", 50)
    settings, store = of_store(free_port()), FailingOver(at, lost)
    plan = everything.running.plan
    feeding = Feeding(plan, source(everything), store, settings.store_prefix)
    feeding.start()
    try:
        stored = Stored(plan, store, settings.store_prefix)
        until(lambda: store.over and reflects(everything, stored) and feeding.ready()[0])
        same(everything, stored)
    finally:
        feeding.close()


def of_store(port: int) -> Settings:
    return Settings(
        store=f"redis://127.0.0.1:{port}/0", store_prefix=uuid4().hex, store_timeout=20_000
    )


def port_of(settings: Settings) -> int:
    port = urlsplit(str(settings.store)).port
    assert port
    return port


def ledger(everything: Everything, settings: Settings) -> Ledger:
    running = everything.running
    cluster, store = Cluster(running.address), open_store(settings)
    facts, partitions = cluster.topic(running.topics.facts)
    keys = Keys(settings.store_prefix, running.plan)
    log = cluster.find(running.topics).id
    return Ledger(running.plan, store, keys, log, f"flink/{facts}", partitions)


@contextmanager
def feeder(
    everything: Everything, settings: Settings, output: Path, port: int = 0
) -> Iterator[subprocess.Popen[bytes]]:
    """`afresh feed` in a process of its own."""
    address = everything.running.address
    log = f"kafka://{address.servers}/{address.prefix}"
    command = [sys.executable, "-m", "afresh.cli", "feed", "tests/everything.py", "--log", log,
               "--store", str(settings.store), "--port", str(port),
               "--engine", everything.running.name]  # fmt: skip
    environment = {**os.environ, "AFRESH_STORE_PREFIX": settings.store_prefix}
    with output.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def ends(everything: Everything) -> list[int]:
    """The place of all that was written to the topics."""
    running = everything.running
    consuming = Consuming(running.address, Cluster(running.address).find(running.topics).partitions)
    found = [end for _, end in consuming.bounds()]
    consuming.close()
    return found
