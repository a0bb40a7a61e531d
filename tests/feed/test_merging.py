"""Rows merged into a store: again, out of order, by two feeders at once, and with less in them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import msgspec
import pytest
from tests.everything import app

from afresh.errors import CorruptData
from afresh.features.engines.rows.identity import family_name, sequence_name
from afresh.feed.merging import Merging
from afresh.feed.rows import Change, LogRow, RowReader
from afresh.store import Put
from afresh.store.memory import MemoryStore
from afresh.store.stored import Asked, Stored
from afresh.store.value import Head, Keys, generation_of

PLAN = app.plan()
KEYS = Keys("t", PLAN)
GENERATION = generation_of(PLAN, "log", "flink")
NOON = 1_790_000_000_000
ROWS = RowReader(PLAN)
DAYS = next(f for f in PLAN.families if f.key == "item_id" and f.split is None and f.width > 6e7)
RECENT = next(s for s in PLAN.sequences if s.key == "user_id" and s.n == 3)


def read(key: dict[str, object], value: dict[str, object] | None) -> Change:
    told = None if value is None else msgspec.json.encode(value)
    change = ROWS.read(msgspec.json.encode(key), told)
    assert isinstance(change, Change)
    return change


def atom(n: int, offset: int, item: str = "i") -> Change:
    key = {"fact": "tile", "family": family_name(PLAN, DAYS), "key": item,
           "tile": NOON // DAYS.width, "group": "", "type": "view", "input": ""}  # fmt: skip
    return read(key, {"n": n, "offset": offset})


def listed(name: str, ts: int = NOON, *, gone: bool = False) -> Change:
    key = {"fact": "list", "list": sequence_name(PLAN, RECENT), "key": "u:u", "owner": "u:u",
           "event_id": name}  # fmt: skip
    said = {"timestamp": ts, "type": "view", "item": f"item {name}", "session": "u:u"}
    return read(key, None if gone else said)


def link(session: str, user: str, ts: int) -> Change:
    key = {"fact": "link", "owner": f"u:{user}", "event_id": f"e{ts}"}
    return read(key, {"session": session, "user": user, "timestamp": ts})


def merging(store: MemoryStore) -> Merging:
    return Merging(PLAN, store, KEYS, GENERATION)


def value(store: MemoryStore, key: str, name: str, feature: str) -> object:
    head = Head(GENERATION, "log", [0], NOON, "flink")
    store.replace(head.put(KEYS.head), 60_000)
    stored = Stored(PLAN, store, "t")
    wanted = [f for f in PLAN.features if f.key == key and f.name == feature]
    asked = Asked(key, [name], wanted)
    return stored.values(asked, stored.find([asked], NOON + 10)[0])[0][feature]


def test_a_row_counts_once_whatever_the_order() -> None:
    rows = [atom(1, 5), atom(2, 6), atom(3, 9)]
    for order in itertools.permutations(rows):
        store = MemoryStore()
        feeder = merging(store)
        for row in order:
            feeder.merge([row])
        feeder.merge(rows)
        assert value(store, "item_id", "i", "days") == 3
        assert feeder.counts["refused"] == 0


def test_a_row_that_knows_of_fewer_events_is_refused_and_counted() -> None:
    store = MemoryStore()
    feeder = merging(store)
    feeder.merge([atom(7, 20)])
    feeder.merge([atom(1, 21), atom(2, 22)])
    assert feeder.counts == {"taken": 1, "known": 0, "refused": 2}
    assert value(store, "item_id", "i", "days") == 7
    assert feeder.written == 1


def test_lists_keep_their_newest_and_forget_what_is_gone() -> None:
    store = MemoryStore()
    rows = [listed(f"e{at}", NOON - at) for at in range(6)]
    random.Random(3).shuffle(rows)
    merging(store).merge(rows)
    assert value(store, "user_id", "u", "recent") == ["item e0", "item e1", "item e2"]
    merging(store).merge([listed("e1", gone=True)])
    assert value(store, "user_id", "u", "recent") == ["item e0", "item e2"]
    merging(store).merge([listed("e1", gone=True), listed("e9", NOON - 9)])
    assert value(store, "user_id", "u", "recent") == ["item e0", "item e2", "item e9"]


def test_a_session_is_whose_it_was_first_for_all_who_were_named() -> None:
    store = MemoryStore()
    key = {"fact": "list", "list": sequence_name(PLAN, RECENT), "key": "s:v", "owner": "s:v",
           "event_id": "e"}  # fmt: skip
    said = {"timestamp": NOON - 5, "type": "view", "item": "seen", "session": "s:v"}
    merging(store).merge([read(key, said)])
    merging(store).merge([link("v", "late", NOON)])
    assert value(store, "user_id", "late", "recent") == ["seen"]
    merging(store).merge([link("v", "early", NOON - 3)])
    assert value(store, "user_id", "late", "recent") == []
    assert value(store, "user_id", "early", "recent") == ["seen"]


class Overtaken(MemoryStore):
    """Another feeder writes between this one's reading and writing, once."""

    def __init__(self, row: Change) -> None:
        super().__init__()
        self.rows = [row]

    def advance(self, values: Sequence[Put], ttl_ms: int) -> list[bool]:
        while self.rows:
            merging(self).merge([self.rows.pop()])
        return super().advance(values, ttl_ms)


def test_two_feeders_of_one_value_lose_nothing() -> None:
    store = Overtaken(listed("other", NOON - 1))
    merging(store).merge([listed("mine")])
    assert value(store, "user_id", "u", "recent") == ["item mine", "item other"]


def test_what_no_read_can_see_is_dropped() -> None:
    store = MemoryStore()
    feeder = merging(store)
    feeder.merge([listed("old", NOON - 40 * 86_400_000), listed("new")])
    put = store.get([KEYS.prefix(GENERATION, "user_id") + b"uu"])[0]
    assert put is not None
    assert b"new" in put
    assert b"old" not in put


def test_rows_that_are_damaged_are_not_read_as_others() -> None:
    store = MemoryStore()
    merging(store).merge([atom(1, 5)])
    key = KEYS.prefix(GENERATION, "item_id") + b"i"
    held = store.get([key])[0]
    assert held is not None
    store.replace(Put(key, held[:-9] + b"\xc1" * 9), 60_000)
    with pytest.raises(CorruptData, match="damaged"):
        merging(store).merge([atom(2, 6)])


def test_what_is_known_of_a_partition_and_rows_of_others() -> None:
    key = {"fact": "tile", "family": "log", "key": "3", "tile": 0, "group": "", "type": "",
           "input": "timestamp"}  # fmt: skip
    row = ROWS.read(msgspec.json.encode(key), msgspec.json.encode({"n": 2, "max": NOON}))
    assert row == LogRow(3, NOON)
    for fact in ({"fact": "list", "list": "posting/view/4", "key": "i", "owner": "u:u"},
                 {"fact": "distinct", "counted": "none", "key": "i", "tile": 1}):  # fmt: skip
        more = {"event_id": "e", "digest": "00"}
        assert ROWS.read(msgspec.json.encode({**fact, **more}), b"{}") is None
