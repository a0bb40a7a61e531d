"""Stored facts with the events after them folded in are the facts of the fold, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.events_made import histories
from tests.everything import app
from tests.model import DAY, Event
from tests.store.test_entity_values import LOG, LONG, entities

from afresh.events.batch import EventBatch
from afresh.features.engines.embedded import State
from afresh.features.reading import Reader, Value
from afresh.log.kafka.partition import partitions_of
from afresh.store.entities import with_facts, with_linked
from afresh.store.history import Witness
from afresh.store.lagging import People, Recent, Visits
from afresh.store.memory import MemoryStore
from afresh.store.pack import pack
from afresh.store.recent import folded
from afresh.store.stored import Asked, Found, Stored
from afresh.store.value import Head, Keys, Section, generation_of

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
FEATURES = {
    key: [feature for feature in PLAN.features if feature.key == key]
    for key in ("user_id", "session_id")
}
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

    def recent(self, people: People | Visits, wanted: Sequence[int], arrival: int) -> Recent:
        """What reading the stretches that people miss gives."""
        rows: list[int] = []
        for partition, (first, past) in people.missing(wanted).items():
            mine = (self.partition == partition) & (self.offset >= first) & (self.offset < past)
            rows += np.flatnonzero(mine).tolist()
        batch = self.batch(rows) if rows else batch_of(self.plan, [])
        came = np.full(len(rows), arrival, np.int64)
        return Recent(batch, self.partition[rows], self.offset[rows], came)


def answered(
    log: Log,
    written: int,
    later: dict[tuple[str, str], int],
    asked: Asked,
    sent_ts: bool = False,
) -> tuple[list[dict[str, Value]] | None, list[dict[str, Value]]]:
    """What is asked, by the store as of `written` messages (for those in `later`, by key and name,
    as of more) and the log after it; and what the fold of all says."""
    store, keys, end = MemoryStore(), Keys("test", log.plan), len(log.messages)
    for place in sorted({written, *later.values()}):
        state = log.state(place)
        for key in ("user_id", "session_id"):
            numbers = with_facts(state, key)
            if place != written:
                names = [name for (its, name), at in later.items() if (its, at) == (key, place)]
                numbers = np.intersect1d(numbers, state.find(key, names))
            numbers = with_linked(state, key, numbers)
            store.put(pack(state, key, numbers, log.head(state, place), keys), LONG)
    before, after = log.state(written), log.state(end)
    store.put([log.head(before, written).put(keys.head)], LONG)
    moment = after.newest + 1
    stored = Stored(log.plan, store, "test")

    def found_of(asked: Asked) -> tuple[Found, np.ndarray[Any, Any]]:
        (found,) = stored.find([asked], moment, newest=after.newest, also=[HISTORY])
        reached = found.values.reached(found.head.offsets)
        assert reached is not None
        return found, reached

    found, reached = found_of(asked)
    entities, linked = found.values.entities, len(found.state.links) > 0
    behind: People | Visits = People(entities, reached, linked=linked)
    if asked.key == "session_id":
        behind = Visits(entities, reached, found.head.offsets)

    def witness(owners: set[bytes]) -> Witness:
        names = [("" if o[:1] == b"u" else "s:") + o[1:].decode() for o in owners]
        told, places = found_of(Asked("user_id", names, ()))
        return Witness(told.state, People(told.values.entities, places, linked=False))

    recent = log.recent(behind, log.place(end), after.newest)
    if sent_ts:
        recent.batch.sent_ts = recent.batch.ts + 1
    state_now = folded(found.state, behind, recent, asked.features, witness, HORIZON)
    wanted = Reader(after).values(asked.key, list(asked.names), asked.features, moment)
    if state_now is None:
        return None, wanted
    return stored.values(asked, found._replace(state=state_now)), wanted


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """Events in any order, some of them twice, in full or with other content."""
    events = draw(histories())
    copies = draw(st.lists(st.sampled_from(events), max_size=4))
    return list(draw(st.permutations([*events, *copies])))


@settings(max_examples=80)
@given(logs(), st.sampled_from(["user_id", "session_id"]), st.data())
def test_it_is_what_the_fold_says_or_nothing(
    messages: list[Event], key: str, data: st.DataObject
) -> None:
    log, names = Log(messages), entities(messages, key)
    written = data.draw(st.integers(0, len(messages)))
    whose = st.tuples(st.sampled_from(["user_id", "session_id"]), st.sampled_from(names))
    later = data.draw(st.dictionaries(whose, st.integers(written, len(messages)), max_size=3))
    features = data.draw(st.lists(st.sampled_from(FEATURES[key]), min_size=1, unique_by=id))
    found, wanted = answered(log, written, later, Asked(key, names, features))
    assert found is None or found == wanted


@settings(max_examples=60)
@given(logs(), st.sampled_from(["user_id", "session_id"]), st.data())
def test_what_people_did_to_items_is_always_answered(
    messages: list[Event], key: str, data: st.DataObject
) -> None:
    """With copies of everything: they are known by the history."""
    messages = _plainly(messages)
    log, names = Log(messages), entities(messages, key)
    written = data.draw(st.integers(0, len(messages)))
    name = {"user_id": "u1", "session_id": "v1"}[key]
    later = {(key, name): data.draw(st.integers(written, len(messages)))}
    found, wanted = answered(log, written, later, Asked(key, names, FEATURES[key]))
    assert found == wanted


def _plainly(events: list[Event]) -> list[Event]:
    """The same events with an item, and of the types that histories keep."""
    kinds = {"ping": "view", "identify": "cart"}
    return [replace(e, type=kinds.get(e.type, e.type), item=e.item or "i4") for e in events]


NOON = 20_000 * DAY + DAY // 2


def looks(n: int, first: int = 0, **more: Any) -> list[Event]:
    return [
        Event(f"e{k}", "view", NOON + k * 60_000, "u1", f"i{k}", None, {"price": 7} | more)
        for k in range(first, first + n)
    ]


def look_again(
    events: list[Event],
    *more: Event,
    n: int = 3,
    features: Sequence[Any] = FEATURES["user_id"],
    sent_ts: bool = False,
) -> bool | None:
    """Whether a user's values are answered, and rightly, when the store has `events`."""
    log, asked = Log([*events, *more], _plan(n)), Asked("user_id", ["u1"], features)
    found, wanted = answered(log, len(events), {}, asked, sent_ts)
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
    spent = [feature for feature in FEATURES["user_id"] if feature.name == "spent"]
    hours = [feature for feature in FEATURES["user_id"] if feature.name == "visit_items"]
    assert look_again(looks(3), ping, features=spent)
    assert look_again(looks(3), ping, features=hours) is None


def test_who_a_session_turned_out_to_be_is_left_to_the_store() -> None:
    mine = [Event("l", "identify", NOON, "u1", None, "v1"), *looks(2, first=1)]
    link, click = mine[0], Event("c", "view", NOON + DAY, None, "i1", "v1", {"price": 1})
    assert look_again([link], click, n=9)  # all there is of the user is the session
    visit = Event("v", "view", NOON + 9 * 60_000, None, "i1", "v1", {"price": 1})
    assert look_again([*mine, visit], replace(visit, id="v2", ts=NOON + DAY), n=9)
    said = Event("m", "identify", NOON + DAY, "u1", None, "v9")
    assert look_again(mine, said, n=9) is None
    others = replace(said, id="n", user="u2", session="v1", ts=NOON - DAY)
    assert look_again(mine, others, n=9) is None
    assert look_again(mine, replace(others, session="v8"), n=9)
    assert look_again(looks(2), replace(others, session="v8"), n=9)


def test_values_of_a_session_and_of_its_user_need_not_be_of_one_place() -> None:
    first, told = (replace(e, session="v1") for e in looks(2))
    asked = Asked("session_id", ["v1"], FEATURES["session_id"])
    # The session's value has it, the user's has not: its copy is found in the log.
    found, wanted = answered(Log([first, told, told]), 1, {("session_id", "v1"): 2}, asked)
    assert found == wanted
    # The user's has it, the session's has not: whether it is a copy cannot be said.
    found, wanted = answered(Log([first, told]), 1, {("user_id", "u1"): 2}, asked)
    assert found is None
    found, wanted = answered(Log([first, told]), 1, {}, asked)
    assert found == wanted
