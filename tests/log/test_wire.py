"""Events as messages and back; whatever else is in a topic."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.events_made import histories
from tests.everything import app
from tests.model import Event

from afresh.events.batch import EventBatch
from afresh.features.columns import item_columns
from afresh.log.kafka.partition import partitions_of
from afresh.log.kafka.wire import Wire, owners

PLAN = app.plan()
WIRE = Wire(PLAN.accepted, *item_columns(PLAN))


def same(a: EventBatch, b: EventBatch) -> bool:
    """Whether two batches say the same; which columns are empty and there does not matter."""
    return a.n == b.n and all(_rows(a)[i] == _rows(b)[i] for i in range(a.n))


def _rows(batch: EventBatch) -> list[dict[str, Any]]:
    return [json.loads(message) for message in WIRE._json.encode(batch)]


@given(histories())
def test_a_batch_comes_back(made: list[Event]) -> None:
    batch = batch_of(PLAN, made)
    values = WIRE.encode(batch)
    assert [json.loads(value) for value in values] == _rows(batch)
    again, unread = WIRE.decode(values)
    assert not unread
    assert same(again, batch)
    slow, unread = WIRE._json.decode(values)
    assert not unread
    assert same(slow, batch)


_broken = st.one_of(
    st.binary(max_size=60),
    st.dictionaries(
        st.sampled_from(["event_id", "event_type", "timestamp", "user_id", "price", "other"]),
        st.one_of(
            st.text(max_size=300), st.integers(), st.floats(), st.none(), st.just("view"),
            st.just(5), st.lists(st.integers(), max_size=2),
        ),
    ).map(lambda said: json.dumps(said).encode()),
)  # fmt: skip


@given(st.tuples(st.lists(_broken, max_size=6), histories(most=4)).map(lambda p: p[0] + p[1]))
def test_what_is_not_ours_is_set_aside_alone(mixed: list[Any]) -> None:
    values = [WIRE.encode(batch_of(PLAN, [m]))[0] if isinstance(m, Event) else m for m in mixed]
    batch, unread = WIRE.decode(values)
    assert batch.n + len(unread) == len(values)
    each = [WIRE._json.decode([value]) for value in values]
    assert [at for at, (one, _) in enumerate(each) if not one.n] == [u.at for u in unread]
    assert all(not isinstance(mixed[u.at], Event) for u in unread)


@given(st.binary(max_size=12), st.integers(0, 200))
def test_a_message_that_was_changed_is_read_alike_or_not_at_all(garbage: bytes, at: int) -> None:
    whole = WIRE.encode(batch_of(PLAN, [Event("é1", "view", 5, user="u", item="i", session="s")]))[
        0
    ]
    value = whole[:at] + garbage + whole[at + len(garbage) :]
    fast, slow = WIRE.decode([value]), WIRE._json.decode([value])
    assert len(fast[1]) == len(slow[1])
    assert same(fast[0], slow[0])


@given(st.lists(st.text("ab:é", min_size=1, max_size=30), min_size=1), st.integers(1, 1000))
def test_partitions_are_by_murmur2(keys: list[str], partitions: int) -> None:
    found = partitions_of("\0".join(keys).encode(), len(keys), partitions)
    assert found.tolist() == [_java(key.encode()) % partitions for key in keys]


def _java(data: bytes) -> int:
    """Murmur2 as Kafka's documentation has it, on unlimited integers."""
    m, h, word = 0x5BD1E995, 0x9747B28C ^ len(data), 0xFFFFFFFF
    whole = len(data) - len(data) % 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & word
        k = (k ^ k >> 24) * m & word
        h = h * m & word ^ k
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & word
    h = (h ^ h >> 13) * m & word
    return (h ^ h >> 15) & 0x7FFFFFFF


def test_the_owner_is_the_key() -> None:
    made = [Event("1", "view", 1, user="a", session="s"), Event("2", "view", 1, session="s")]
    assert owners(batch_of(PLAN, made)) == ["u:a", "s:s"]
    assert np.array_equal(partitions_of(b"u:a\0s:s", 2, 1), [0, 0])
