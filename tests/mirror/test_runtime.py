"""Servers that share topics on a real broker."""

from __future__ import annotations

import asyncio
import json

from tests.mirrored import Mirrored, until_equal
from tests.model import Model
from tests.opened import event, logged, post, put, read

from afresh.log.kafka.client import kafka
from afresh.log.kafka.partition import partitions_of
from afresh.log.token import read_token
from afresh.mirror.runtime import MirrorRuntime
from afresh.request import Answer
from afresh.surface import Query


def test_what_one_takes_in_the_other_answers_from(mirrored: Mirrored) -> None:
    one, two = mirrored("one"), mirrored("two")
    put(one, "i", category="shoes", price=12.5)
    receipt = post(
        one,
        event(properties={"price": 3.25}),
        event(user_id="v"),
        event(user_id=None, session_id="s"),
    )
    assert (receipt.accepted, receipt.duplicates, receipt.rejected) == (3, 0, [])
    assert read(one, "item_id", "i", "days") == 3
    answer = asyncio.run(_asked(two, receipt.offset))
    assert answer.fresh
    assert read(two, "item_id", "i", "days") == 3
    item = two.item("i") or {}
    assert (item["category"], item["price"]) == ("shoes", "12.5")
    state = until_equal(one, two)
    assert state == Model(one.plan, logged(one)).canonical()
    assert len(read_token(receipt.offset, two.log.id, 6).at) == 6


async def _asked(server: MirrorRuntime, after: str) -> Answer:
    waited = server.caught_up(after)
    if waited is not None:
        await waited
    return server.recommend(Query(user_id="u", after=after))


def test_a_restart_goes_on_from_the_mirror(mirrored: Mirrored) -> None:
    one, two = mirrored("one"), mirrored("two")
    post(one, *(event(user_id=f"u{i}", event_id=f"e{i}") for i in range(50)))
    mirrored.leave("one")
    post(two, *(event(user_id=f"u{i}", event_id=f"f{i}") for i in range(50)))
    one = mirrored("one")
    assert one.replica.state.events == 100
    until_equal(one, two)
    again = post(one, event(user_id="u1", event_id="f1", timestamp=1))
    assert again.rejected[0].code == "too_late"


def test_one_id_twice_counts_once_whoever_took_it(mirrored: Mirrored) -> None:
    one, two = mirrored("one"), mirrored("two")
    said = event(event_id="twice")
    waiting = [server.submit(_json(said)).future for server in (one, two, one)]
    assert all(future.result().accepted + future.result().duplicates == 1 for future in waiting)
    receipt = post(two, event(event_id="after"))
    assert receipt.accepted == 1
    post(one, event(event_id="after one"))
    until_equal(one, two)
    assert one.replica.state.events == 3
    assert post(one, said).duplicates == 1


def _json(said: dict[str, object]) -> bytes:
    return json.dumps(said).encode()


def test_partitions_are_those_of_other_clients(mirrored: Mirrored) -> None:
    keys = [f"u:{i}{'é' * (i % 7)}" for i in range(50)]
    placed: dict[str, int] = {}
    producer = kafka().Producer(mirrored.address.client({"partitioner": "murmur2"}))
    for key in keys:
        producer.produce(
            mirrored.topics.facts, b"", key.encode(),
            on_delivery=lambda _, m: placed.__setitem__(m.key().decode(), m.partition()),
        )  # fmt: skip
    assert producer.flush(10) == 0
    found = partitions_of("\0".join(keys).encode(), len(keys), 4)
    assert placed == dict(zip(keys, found.tolist(), strict=True))
