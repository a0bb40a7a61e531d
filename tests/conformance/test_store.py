"""Every entity store keeps the promise of `afresh.store`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from afresh.errors import Unavailable
from afresh.store import EntityStore, Put
from afresh.store.memory import MemoryStore
from afresh.store.redis import Access, RedisStore

BACKENDS = ["memory", pytest.param("valkey", marks=pytest.mark.engine)]
LONG = 60_000


def value(version: int, body: bytes = b"") -> bytes:
    return b"12345678" + version.to_bytes(8, "little") + body


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest) -> Iterator[EntityStore]:
    made: EntityStore
    if request.param == "memory":
        made = MemoryStore()
    else:
        made = RedisStore(Access(request.getfixturevalue("valkey").url, timeout_ms=20_000))
    yield made
    made.close()


@pytest.fixture
def named() -> Callable[[str], bytes]:
    """Keys that no other test has."""
    own = uuid4().hex
    return lambda name: f"{own}:{name}".encode()


Named = Callable[[str], bytes]


def test_what_was_put_is_got_in_the_order_asked(store: EntityStore, named: Named) -> None:
    body = bytes(range(256)) * 50
    one, two = value(1, body), value(2)
    assert store.put([Put(named("b"), two), Put(named("a"), one)], LONG) == 0
    asked = [named("a"), named("none"), named("b"), named("a")]
    assert store.get(asked) == [one, None, two, one]
    assert store.get([]) == []
    assert store.put([], LONG) == 0


Step = tuple[str, list[tuple[int, int]]]
VERSIONS = st.one_of(st.integers(0, 4), st.sampled_from([2**32, 2**40 + 1, 2**52]))
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "replace"]),
        st.lists(st.tuples(st.integers(0, 3), VERSIONS), min_size=1, max_size=5),
    ),
    max_size=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_the_newest_version_stays_and_what_is_refused_is_counted(
    store: EntityStore, steps: list[Step]
) -> None:
    own, held = uuid4().hex, dict[bytes, bytes]()
    for what, pairs in steps:
        puts = [Put(f"{own}{k}".encode(), value(v, uuid4().bytes)) for k, v in pairs]
        if what == "replace":
            store.replace(puts[0], LONG)
            held[puts[0].key] = puts[0].value
            continue
        refused = 0
        for key, new in puts:
            old = held.get(key, value(0))
            if int.from_bytes(old[8:16], "little") > int.from_bytes(new[8:16], "little"):
                refused += 1
            else:
                held[key] = new
        assert store.put(puts, LONG) == refused
    keys = [f"{own}{k}".encode() for k in range(4)]
    assert store.get(keys) == [held.get(key) for key in keys]


def test_what_is_no_value_gives_way(store: EntityStore, named: Named) -> None:
    for junk in (b"", b"x", b"1234", b"1234567\xff" * 3, b"other" + b"\xff" * 20):
        store.replace(Put(named("a"), junk), LONG)
        refused = int(junk[:4] == b"1234" and len(junk) > 16)
        assert store.put([Put(named("a"), value(1))], LONG) == refused


def test_of_writers_that_race_the_newest_wins(store: EntityStore, named: Named) -> None:
    keys = [named(str(k)) for k in range(20)]

    def write(versions: list[int]) -> None:
        for version in versions:
            store.put([Put(key, value(version)) for key in keys], LONG)

    up, down = list(range(1, 30)), list(range(29, 0, -1))
    threads = [threading.Thread(target=write, args=(order,)) for order in (up, down, up)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get(keys) == [value(29)] * 20


def test_a_value_lives_as_long_as_said_and_then_goes(store: EntityStore, named: Named) -> None:
    store.put([Put(named("short"), value(9))], 50)
    store.put([Put(named("long"), value(9))], LONG)
    until = time.monotonic() + 20
    while store.get([named("short")]) != [None] and time.monotonic() < until:
        time.sleep(0.01)
    assert store.get([named("short"), named("long")]) == [None, value(9)]
    assert store.put([Put(named("short"), value(1))], LONG) == 0
    assert store.get([named("short")]) == [value(1)]


def test_many_values_at_once(store: EntityStore, named: Named) -> None:
    puts = [Put(named(str(k)), value(k, b"x" * (k % 300))) for k in range(1300)]
    assert store.put(puts, LONG) == 0
    assert store.get([put.key for put in puts]) == [put.value for put in puts]


def test_a_closed_store_says_so(store: EntityStore, named: Named) -> None:
    store.close()
    for call in (lambda: store.get([named("a")]), lambda: store.put([Put(b"a", value(1))], 1)):
        with pytest.raises(Unavailable):
            call()
