"""Stored facts with the events after them folded in are the facts of the fold, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.events_made import histories
from tests.everything import app
from tests.model import DAY, Event
from tests.store.test_entity_values import KEYS, LOG, LONG, entities

from afresh.events.batch import EventBatch
from afresh.features.engines.embedded import State
from afresh.features.reading import Reader, Value
from afresh.log.kafka.partition import partitions_of
from afresh.store.entities import with_facts, with_linked
from afresh.store.memory import MemoryStore
from afresh.store.pack import pack
from afresh.store.recent import People, Recent, folded
from afresh.store.stored import Asked, Stored
from afresh.store.value import Head, Section, generation_of

LONG_HISTORY = 90 * DAY


def _plan(n: int = 50) -> Any:
    """All kinds of features, and of each user the last n events of 90 days."""
    plan = app.plan()
    lists = list(plan.sequences)
    lists[plan.history] = msgspec.structs.replace(lists[plan.history], within=LONG_HISTORY, n=n)
    return msgspec.structs.replace(plan, sequences=tuple(lists))


PLAN = _plan()
PARTITIONS = 3
HORIZON = 10 * 365 * DAY
FEATURES = [feature for feature in PLAN.features if feature.key == "user_id"]
HISTORY = Section("sequence", PLAN.history)


class Log:
    """Messages as the brokers hold them: an event may stand there twice, the first counts."""

    def __init__(self, messages: Sequence[Event], plan: Any = PLAN) -> None:
        self.messages, self.plan = list(messages), plan
        owners = "\0".join(e.owner or "" for e in messages).encode()
        self.partition = partitions_of(owners, len(messages), PARTITIONS)
        self.offset = np.zeros(len(messages), np.int64)
        for partition in range(PARTITIONS):
            mine = self.partition == partition
            self.offset[mine] = np.arange(mine.sum())
        self.first = np.zeros(len(messages), np.bool_)
        seen: set[tuple[str | None, str]] = set()
        for at, event in enumerate(messages):
            self.first[at] = (event.owner, event.id) not in seen
            seen.add((event.owner, event.id))

    def batch(self, rows: Sequence[int]) -> EventBatch:
        return batch_of(self.plan, [self.messages[row] for row in rows])

    def state(self, end: int) -> State:
        """The fold of the first `end` messages."""
        state = State(self.plan)
        rows = [row for row in range(end) if self.first[row]]
        if rows:
            state.fold(self.batch(rows))
        return state

    def place(self, end: int) -> list[int]:
        """The vector of offsets there."""
        return [int((self.partition[:end] == p).sum()) for p in range(PARTITIONS)]

    def head(self, state: State, end: int) -> Head:
        generation = generation_of(self.plan, LOG)
        return Head(generation, LOG, self.place(end), state.newest)

    def recent(self, people: People, wanted: Sequence[int], arrival: int) -> Recent:
        """What reading the stretches that people miss gives."""
        rows: list[int] = []
        for partition, (first, past) in people.missing(wanted).items():
            mine = (self.partition == partition) & (self.offset >= first) & (self.offset < past)
            rows += np.flatnonzero(mine).tolist()
        batch = self.batch(rows) if rows else batch_of(self.plan, [])
        came = np.full(len(rows), arrival, np.int64)
        return Recent(batch, self.partition[rows], self.offset[rows], came)


def answered(
    log: Log, written: int, later: dict[str, int], end: int, names: Sequence[str],
    features: Sequence[Any] = FEATURES, sent_ts: bool = False,
) -> tuple[list[dict[str, Value]] | None, list[dict[str, Value]]]:  # fmt: skip
    """What people's values are, by the store as of `written` messages (of those in `later`, as of
    more) and the log up to `end`; and what the fold of all says."""
    store, keys = MemoryStore(), type(KEYS)("test", log.plan)
    for place in sorted({written, *later.values()}):
        state = log.state(place)
        head = log.head(state, place)
        numbers = with_facts(state, "user_id")
        if place != written:
            wanted = [name for name, at in later.items() if at == place]
            numbers = np.intersect1d(numbers, state.find("user_id", wanted))
        numbers = with_linked(state, "user_id", numbers)
        store.put(pack(state, "user_id", numbers, head, keys), LONG)
    before, now_state = log.state(written), log.state(end)
    store.put([log.head(before, written).put(keys.head)], LONG)
    moment = now_state.newest + 1
    asked = Asked("user_id", names, features)
    stored = Stored(log.plan, store, "test")
    (found,) = stored.find([asked], moment, newest=now_state.newest, also=[HISTORY])
    reached = found.values.reached(found.head.offsets)
    assert reached is not None
    people = People(found.values.entities, reached, linked=len(found.state.links) > 0)
    recent = log.recent(people, log.place(end), now_state.newest)
    if sent_ts:
        recent.batch.sent_ts = recent.batch.ts + 1
    state = folded(found.state, people, recent, features, HORIZON)
    wanted_rows = Reader(now_state).values("user_id", list(names), features, moment)
    if state is None:
        return None, wanted_rows
    return stored.values(asked, found._replace(state=state)), wanted_rows


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """Events in any order, some of them twice, in full or with other content."""
    events = draw(histories())
    copies = draw(st.lists(st.sampled_from(events), max_size=4))
    return list(draw(st.permutations([*events, *copies])))


@settings(max_examples=60)
@given(logs(), st.data())
def test_it_is_what_the_fold_says_or_nothing(messages: list[Event], data: st.DataObject) -> None:
    log = Log(messages)
    written = data.draw(st.integers(0, len(messages)))
    names = entities(messages, "user_id")
    places = st.integers(written, len(messages))
    later = data.draw(st.dictionaries(st.sampled_from(names), places, max_size=3))
    features = data.draw(st.lists(st.sampled_from(FEATURES), min_size=1, unique_by=id))
    found, wanted = answered(log, written, later, len(messages), names, features)
    note(f"answered: {found is not None}")
    assert found is None or found == wanted


def _plainly(events: list[Event]) -> list[Event]:
    """The same events with an item, and of the types that histories keep."""
    kinds = {"ping": "view", "identify": "cart"}
    return [replace(e, type=kinds.get(e.type, e.type), item=e.item or "i4") for e in events]


@settings(max_examples=60)
@given(logs(), st.data())
def test_what_people_did_to_items_is_always_answered(
    messages: list[Event], data: st.DataObject
) -> None:
    """With copies of everything: they are known by the history."""
    messages = _plainly(messages)
    log = Log(messages)
    written = data.draw(st.integers(0, len(messages)))
    names = entities(messages, "user_id")
    later = {"u1": data.draw(st.integers(written, len(messages)))}
    found, wanted = answered(log, written, later, len(messages), names)
    assert found == wanted


NOON = 20_000 * DAY + DAY // 2


def looks(n: int, first: int = 0, **more: Any) -> list[Event]:
    return [
        Event(f"e{k}", "view", NOON + k * 60_000, "u1", f"i{k}", None, {"price": 7} | more)
        for k in range(first, first + n)
    ]


def look_again(events: list[Event], *more: Event, n: int = 3, **how: Any) -> bool | None:
    """Whether people's values are answered, and rightly, when the store has `events`."""
    log = Log([*events, *more], _plan(n))
    end = len(events) + len(more)
    found, wanted = answered(log, len(events), {}, end, ["u1"], **how)
    return None if found is None else found == wanted


def test_what_the_history_cannot_tell_is_not_guessed_at() -> None:
    events = looks(5)
    assert look_again(events, events[-1])  # a copy of one that the history holds
    assert look_again(events, events[0]) is None  # of one that it has no more
    assert look_again(events, *looks(1, first=40)) is None  # a lowered copy may be too old for it
    assert look_again(events, *looks(1, first=70))
    assert look_again(events, *looks(1, first=6), n=6)  # it holds all there were
    assert look_again(events, *looks(1, first=70), sent_ts=True) is None
    other = replace(events[-1], ts=events[-1].ts + 2 * 3_600_000)
    assert look_again(events, other) is None  # an id that came with another timestamp


def test_events_that_no_feature_asked_for_counts_are_passed_over() -> None:
    ping = Event("p", "ping", NOON + DAY, "u1", None, None, {"level": 1})
    spent = [feature for feature in FEATURES if feature.name == "spent"]
    hours = [feature for feature in FEATURES if feature.name == "visit_items"]
    assert look_again(looks(3), ping, features=spent)
    assert look_again(looks(3), ping, features=hours) is None


def test_who_a_session_turned_out_to_be_is_left_to_the_store() -> None:
    mine = [Event("l", "identify", NOON, "u1", None, "v1"), *looks(2, first=1)]
    visit = Event("v", "view", NOON + 9 * 60_000, None, "i1", "v1", {"price": 1})
    assert look_again([*mine, visit], replace(visit, id="v2", ts=NOON + DAY), n=9)
    said = Event("m", "identify", NOON + DAY, "u1", None, "v9")
    assert look_again(mine, said, n=9) is None
    others = replace(said, id="n", user="u2", session="v1", ts=NOON - DAY)
    assert look_again(mine, others, n=9) is None
    assert look_again(mine, replace(others, session="v8"), n=9)
    assert look_again(looks(2), replace(others, session="v8"), n=9)
