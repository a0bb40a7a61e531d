"""What breaks: the broker, a server, what is in the topics. Nothing acknowledged is lost."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from tests.everything import app
from tests.mirrored import Mirrored, until, until_equal
from tests.model import Model
from tests.opened import event, logged, post, put, read

from afresh.errors import AfreshError, CorruptData, StorageFull, Unavailable
from afresh.log.kafka.client import admin, kafka
from afresh.mirror.runtime import MirrorRuntime
from afresh.surface import Query

SHORT = {"delivery.timeout.ms": 1500, "request.timeout.ms": 1000}


def test_a_broker_that_is_killed(mirrored: Mirrored) -> None:
    one = mirrored("one", kafka_options=SHORT)
    two = mirrored("two", kafka_options=SHORT)
    post(one, event(event_id="before"))
    mirrored.kafka.kill()
    try:
        with pytest.raises(Unavailable, match="did not acknowledge") as refused:
            post(one, event(event_id="during"))
        assert "same event ids" in str(refused.value)
        assert one.ready() == (False, refused.value.message)
        # Answers go on from what is there.
        until(lambda: one.recommend(Query(surface="home", user_id="v")).degraded == ["log"])
        assert [i.item_id for i in one.recommend(Query(surface="home", user_id="v")).items] == ["i"]
    finally:
        mirrored.kafka.start()
    until(lambda: _accepted(one, event(event_id="after")))
    assert _accepted(one, event(event_id="during"))
    until(lambda: two.replica.state.events == 3)
    state = until_equal(one, two)
    assert state == Model(one.plan, logged(one)).canonical()
    assert {e.id for e in logged(two)} == {"before", "during", "after"}
    assert one.ready() == (True, "")


def _accepted(runtime: MirrorRuntime, said: dict[str, object]) -> bool:
    try:
        receipt = post(runtime, said)
    except AfreshError:
        return False
    return receipt.accepted + receipt.duplicates == 1


def test_a_broker_that_hangs_is_waited_for(mirrored: Mirrored) -> None:
    one = mirrored("one")
    post(one, event())
    mirrored.kafka.pause()
    try:
        waiting = one.submit(json.dumps(event(event_id="slow")).encode())
        assert one.recommend(Query(surface="home", user_id="v")).items
        time.sleep(0.3)
        assert not waiting.future.done()
    finally:
        mirrored.kafka.resume()
    assert waiting.future.result(20).accepted == 1
    assert read(one, "item_id", "i", "days") == 2


def test_a_mirror_that_takes_nothing_is_asked_again(
    mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = mirrored("one"), mirrored("two")
    post(one, event(event_id="before"))
    full = threading.Event()
    full.set()
    append = one.store.append

    def refuse(*told: Any, **more: Any) -> list[int]:
        if full.is_set():
            raise StorageFull("The disk is full.")
        return append(*told, **more)

    monkeypatch.setattr(one.store, "append", refuse)
    # The brokers have it, so it is durable; this server does not know it yet, and says so.
    assert post(one, event(event_id="during")).accepted == 1
    assert one.recommend(Query(surface="home", user_id="v")).degraded == ["log"]
    assert not one.ready()[0]
    until(lambda: two.replica.state.events == 2)
    full.clear()
    until(lambda: one.ready()[0])
    until_equal(one, two)


def test_a_write_that_breaks_holds_nothing_up(
    mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, said = mirrored("one"), event(event_id="e")
    write, broken = one.writer.producing.write, threading.Event()

    def break_once(*told: Any) -> None:
        if not broken.is_set():
            broken.set()
            raise RuntimeError("It broke.")
        write(*told)

    monkeypatch.setattr(one.writer.producing, "write", break_once)
    for again in (
        lambda: post(one, said),
        lambda: put(one, "i", category="shoes"),
    ):
        broken.clear()
        with pytest.raises(Unavailable, match="It broke"):
            again()
        again()
    assert post(one, said).duplicates == 1
    assert one.replica.state.events == 1
    assert one.item("i") is not None


def test_messages_that_are_not_ours_are_set_aside(mirrored: Mirrored) -> None:
    one, two = mirrored("one"), mirrored("two")
    strangers = [b"", b"no json", b'{"event_id":"x"}', b'{"event_type":"buy"}\n{}', b"\xff\xfe"]
    strangers.append(json.dumps({**event(event_id="x"), "event_type": "unheard"}).encode())
    strangers.append(json.dumps({**event(event_id="x"), "timestamp": -1}).encode())
    strangers.append(json.dumps(event(event_id="x\n")).encode())
    strangers.append(json.dumps(event(event_id="x", user_id=None)).encode())
    _send(mirrored, mirrored.topics.events, [(b"u:u", value) for value in strangers])
    _send(mirrored, mirrored.topics.items, [(b"i", b"[]"), (b"j", b'{"item_id":"k"}')])
    assert post(one, event()).accepted == 1
    put(one, "i", category="shoes")
    until(lambda: two.replica.state.events == 1 and two.item("i") is not None)
    assert until_equal(one, two) == Model(one.plan, logged(one)).canonical()
    found = _all(mirrored, mirrored.topics.dead)
    assert len({key for key, _ in found}) == len(strangers) + 2
    said = json.loads(found[0][1])
    assert said["at"] == found[0][0].decode()
    assert said["reason"]
    for name in ("one", "two"):
        again = mirrored(name)
        assert again.replica.state.events == 1


def test_a_tombstone_removes_an_item(mirrored: Mirrored) -> None:
    one = mirrored("one")
    put(one, "i", category="shoes")
    _send(mirrored, mirrored.topics.items, [(b"i", None), (b"j", b'{"item_id":"j"}')])
    until(lambda: one.item("j") is not None)
    assert one.item("i") is None


def test_a_topic_that_was_made_anew_is_another_log(mirrored: Mirrored) -> None:
    one = mirrored("one")
    post(one, event())
    mirrored.leave("one")
    client = admin().AdminClient(mirrored.address.client({}))
    client.delete_topics([mirrored.topics.events])[mirrored.topics.events].result()
    time.sleep(0.2)
    made = admin().NewTopic(mirrored.topics.events, 4, 1)
    client.create_topics([made])[mirrored.topics.events].result()
    with pytest.raises(AfreshError, match="does not mirror") as refused:
        mirrored("one")
    assert "another --data" in str(refused.value)


def test_what_the_brokers_dropped_is_said(mirrored: Mirrored) -> None:
    one = mirrored("one")
    post(one, *(event(user_id=f"u{i}", event_id=f"e{i}") for i in range(40)))
    mirrored.leave("one")
    two = mirrored("two")
    post(two, *(event(user_id=f"u{i}", event_id=f"f{i}") for i in range(40)))
    lib = kafka()
    client = admin().AdminClient(mirrored.address.client({}))
    ends = [lib.TopicPartition(mirrored.topics.events, p, -1) for p in range(4)]
    for future in client.delete_records(ends).values():
        future.result()
    with pytest.raises(CorruptData, match="do not hold") as refused:
        mirrored("one")
    assert "empty --data" in str(refused.value)
    assert mirrored("three").replica.state.events == 0


def test_no_topics(mirrored: Mirrored) -> None:
    mirrored.settings = mirrored.settings.model_copy(update={"kafka_generation": 7})
    with pytest.raises(AfreshError, match=r"There is no topic .*events\.7") as refused:
        mirrored("one", app)
    assert "afresh kafka init" in str(refused.value)


def _send(mirrored: Mirrored, topic: str, messages: list[tuple[bytes, bytes | None]]) -> None:
    producer = kafka().Producer(mirrored.address.client({}))
    refused: list[object] = []
    for key, value in messages:
        producer.produce(topic, value, key, on_delivery=lambda error, _: refused.append(error))
    assert producer.flush(10) == 0
    assert not any(refused)


def _all(mirrored: Mirrored, topic: str) -> list[tuple[bytes, bytes]]:
    lib = kafka()
    consumer = lib.Consumer(mirrored.address.client({"group.id": "x"}))
    consumer.assign([lib.TopicPartition(topic, 0, 0)])
    found, late = [], time.monotonic() + 3
    while time.monotonic() < late and (not found or late - time.monotonic() > 2):
        found += [(m.key(), m.value()) for m in consumer.consume(100, 0.2) if m.error() is None]
    consumer.close()
    return found
