"""Values read through a store equal those of the state that was written, to the bit."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.everything import app
from tests.features.test_reader_borders import questions
from tests.model import Event

from afresh.errors import CorruptData
from afresh.features.engines.embedded import State
from afresh.features.forgetting import forget_names
from afresh.features.reading import Reader, Value
from afresh.features.touched import Touched
from afresh.store import Put
from afresh.store.entities import entities_of, with_facts, with_linked
from afresh.store.memory import MemoryStore
from afresh.store.pack import pack
from afresh.store.stored import Asked, Stored
from afresh.store.value import Head, Keys, generation_of, keys_of

PLAN = app.plan()
LOG = "0123456789abcdef"
KEYS = Keys("test", PLAN)
LONG = 600_000
Question = tuple[list[Event], list[list[Event]], int]


def head_of(state: State) -> Head:
    return Head(generation_of(PLAN, LOG), LOG, [state.events], state.newest)


def write_touched(state: State, touched: Touched, store: MemoryStore) -> None:
    """A round as the writing thread has it, some entities at a time."""
    touched.begin()
    while due := touched.next(2):
        key, numbers = due
        puts = pack(state, key, with_linked(state, key, numbers), head_of(state), KEYS)
        assert store.put(puts, LONG) == 0
    store.put([head_of(state).put(KEYS.head)], LONG)


def entities(events: Sequence[Event], key: str) -> list[str]:
    """Everything that might be the name of an entity, and of nobody; two of them twice."""
    names = {"nobody", "s:nobody", "nobody\0", "", "i9"}
    for event in events:
        texts = [event.user, event.session, event.item, *event.fields.values()]
        names |= {text for text in texts if isinstance(text, str)}
    every = sorted(names | {f"s:{name}" for name in names if key == "user_id"})
    return [*every, *every[-2:]]


def asked_of(events: Sequence[Event]) -> list[Asked]:
    return [
        Asked(key, entities(events, key), [f for f in PLAN.features if f.key == key])
        for key in keys_of(PLAN)
    ]


def check_same(state: State, stored: Stored, events: Sequence[Event], now: int) -> None:
    reader, asked = Reader(state), asked_of(events)
    for each, found in zip(asked, stored.find(asked, now), strict=True):
        got = stored.values(each, found)
        wanted = reader.values(each.key, each.names, each.features, now)
        assert got == wanted
        plain = [f for f in each.features if f.is_number]
        numbers = state.find(each.key, list(each.names))
        matrix = stored.matrix(each.key, each.names, plain, now)
        assert matrix.tobytes() == reader.matrix(numbers, plain, now).tobytes()


@settings(max_examples=25)
@given(questions())
def test_every_feature_of_every_entity_at_borders(question: Question) -> None:
    events, batches, now = question
    state, store = State(PLAN), MemoryStore()
    for batch in batches:
        state.fold(batch_of(PLAN, batch))
    for key in keys_of(PLAN):
        store.put(pack(state, key, with_facts(state, key), head_of(state), KEYS), LONG)
    store.put([head_of(state).put(KEYS.head)], LONG)
    check_same(state, Stored(PLAN, store, "test"), events, now)


@settings(max_examples=20)
@given(questions(), st.lists(st.sampled_from(["", "sweep", "forget"]), min_size=9, max_size=9))
def test_what_was_touched_is_all_there_is_to_write(question: Question, acts: list[str]) -> None:
    events, batches, now = question
    state, store = State(PLAN), MemoryStore()
    touched = state.touched = Touched(keys_of(PLAN))
    for batch, act in zip(batches, acts, strict=False):
        if act:
            state.sweep()
        if act == "forget":
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr("afresh.features.forgetting.SLACK", -1)
                forget_names(state, state.items.find(b"", 0) >= 0)
        state.fold(batch_of(PLAN, batch))
        if act != "sweep":  # else it waits for the next one
            write_touched(state, touched, store)
    write_touched(state, touched, store)
    check_same(state, Stored(PLAN, store, "test"), events, now)


@settings(max_examples=30)
@given(questions())
def test_the_log_says_what_the_fold_touched(question: Question) -> None:
    """What a start reads from the log is what would have been noted."""
    _, batches, _ = question
    for batch in (batch_of(PLAN, events) for events in batches):
        state = State(PLAN)
        noted = state.touched = Touched(keys_of(PLAN))
        state.fold(batch)
        read = Touched(keys_of(PLAN))
        read.note(entities_of(state, batch))
        for touched in (noted, read):
            touched.begin()
        while due := noted.next(1000):
            key, numbers = due
            also = read.next(1000)
            assert also is not None
            assert (also[0], also[1].tolist()) == (key, numbers.tolist())
        assert read.next(1000) is None


def view(name: str, at: int, user: str | None, visit: str | None) -> Event:
    return Event(name, "view", at, user, f"i{name}", visit, {"price": 5})


def test_a_user_is_read_with_the_sessions_that_are_theirs() -> None:
    noon = 20_000 * 86_400_000
    events = [view(f"v{k}", noon + k, None, f"visit{k}") for k in range(20)]
    events += [Event(f"l{k}", "identify", noon + 100 + k, "ann", None, f"visit{k}")
               for k in range(20)]  # fmt: skip
    # The first link of a session counts, whoever was named first in the log.
    events += [Event("other", "identify", noon + 50, "bob", None, "visit19")]
    state, store = State(PLAN), MemoryStore()
    touched = state.touched = Touched(keys_of(PLAN))
    for event in events:
        state.fold(batch_of(PLAN, [event]))
        write_touched(state, touched, store)
    stored = Stored(PLAN, store, "test")
    check_same(state, stored, events, noon + 1000)
    feature = next(f for f in PLAN.features if f.name == "recent")
    asked = Asked("user_id", ["ann", "bob"], [feature])
    ann, bob = stored.values(asked, stored.find([asked], noon + 1000)[0])
    assert (ann["recent"], bob["recent"]) == (["iv18", "iv17", "iv16"], ["iv19"])


def damaged(
    values: Sequence[bytes], places: Sequence[tuple[float, int]], cut: float
) -> list[bytes]:
    out = []
    for value in values:
        spoilt = bytearray(value)
        for place, byte in places:
            spoilt[min(int(place * len(spoilt)), len(spoilt) - 1)] ^= byte
        out.append(bytes(spoilt[: int(len(spoilt) * cut)]))
    return out


@settings(max_examples=60)
@given(
    questions(),
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=4),
    st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_damaged_values_are_refused_or_read_and_nothing_else(
    question: Question, places: list[tuple[float, int]], cut: float
) -> None:
    events, batches, _ = question
    state, store = State(PLAN), MemoryStore()
    for batch in batches:
        state.fold(batch_of(PLAN, batch))
    for key in keys_of(PLAN):
        puts = pack(state, key, with_facts(state, key), head_of(state), KEYS)
        for put, value in zip(puts, damaged([p.value for p in puts], places, cut), strict=True):
            store.replace(Put(put.key, value), LONG)
    store.put([head_of(state).put(KEYS.head)], LONG)
    stored = Stored(PLAN, store, "test")
    for asked in asked_of(events):
        try:
            (found,) = stored.find([asked], None)
            rows: list[dict[str, Value]] = stored.values(asked, found)
        except CorruptData:
            continue
        assert len(rows) == len(asked.names)


def test_every_byte_of_a_value_can_be_wrong_or_the_last() -> None:
    noon = 20_000 * 86_400_000
    events = [view(f"v{k}" * (1 + 20 * k), noon + k, "ann", "visit") for k in range(2)]
    events += [Event("link", "identify", noon, "ann", None, "visit")]
    state, store = State(PLAN), MemoryStore()
    state.fold(batch_of(PLAN, events))
    store.put([head_of(state).put(KEYS.head)], LONG)
    stored, key = Stored(PLAN, store, "test"), "user_id"
    asked = Asked(key, ["ann"], [f for f in PLAN.features if f.key == key])
    (put,) = pack(state, key, state.find(key, ["ann"]), head_of(state), KEYS)
    refused = 0
    for at in range(len(put.value)):
        spoilt = bytearray(put.value)
        spoilt[at] ^= 1 << at % 8
        store.replace(Put(put.key, bytes(spoilt)), LONG)
        try:
            stored.values(asked, stored.find([asked], None)[0])
        except CorruptData:
            refused += 1
    for size in range(1, len(put.value)):
        store.replace(Put(put.key, put.value[:size]), LONG)
        with pytest.raises(CorruptData):
            stored.find([asked], None)
    assert refused > 40
