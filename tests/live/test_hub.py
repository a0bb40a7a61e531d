"""The hub alone: a clock that can be hurried, and clients that read or do not."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from afresh.answers import Answer
from afresh.errors import NotFound, Unavailable
from afresh.events.batch import EventBatch
from afresh.live import rounds
from afresh.live.hub import STEP, Full, Hub
from afresh.live.stream import BEAT
from afresh.request import Group
from afresh.surface import Item, Query


class State:
    """What lists are made of, and how often they were."""

    def __init__(self) -> None:
        self.items = ["a", "b"]
        self.groups: list[tuple[str, list[str]]] = []
        self.offset = 0
        self.computed: list[str | None] = []
        self.broken = False

    def answer(self, query: Query) -> Answer:
        self.computed.append(query.user_id)
        if query.surface == "nowhere":
            raise NotFound("There is no such surface.")
        if self.broken:
            raise Unavailable("Not now.")
        items = [Item(i, 1.0, [], "") for i in self.items]
        groups = [Group(t, None, [Item(i, 1.0, [], "") for i in of]) for t, of in self.groups]
        return Answer("r", items, "o", True, 0.0, "blend", None, [], groups)

    def hub(self, most: int = 10, most_per_s: float = 1000, refresh_s: float = 1000) -> Hub:
        return Hub(
            self.answer,
            lambda: self.offset,
            most=most,
            most_per_s=most_per_s,
            refresh_s=refresh_s,
        )


class Client:
    """What a client was sent; while `closed` it does not read, once `gone` it cannot."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.gone = self.ended = False

    async def write(self, chunk: bytes) -> None:
        await self.reads.wait()
        if self.gone:
            raise ConnectionResetError
        self.got.append(chunk)

    def end(self) -> None:
        self.ended = True

    @property
    def lists(self) -> int:
        return sum(b"event: list" in chunk for chunk in self.got)


async def until(holds: Callable[[], bool]) -> None:
    late = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < late
        await asyncio.sleep(0.005)


def by(*users: str) -> EventBatch:
    n = len(users)
    texts = {"user_id": "\0".join(users).encode(), "session_id": b"\0" * (n - 1)}
    return EventBatch(n, ("view",), np.zeros(n, np.uint8), np.zeros(n, np.int64), texts)


Scene = Callable[[], Coroutine[Any, Any, None]]


def played(scene: Scene) -> None:
    asyncio.run(scene())


def test_a_list_is_sent_when_its_items_or_their_order_change() -> None:
    async def scene() -> None:
        state, client = State(), Client()
        hub = state.hub()
        hub.join(Query(user_id="u"), client.write, client.end)
        await until(lambda: client.lists == 1)
        assert client.got[0].startswith(b"retry: ")
        for items, lists in ((["b", "a"], 2), (["b", "a"], 2), (["b", "c"], 3), (["b"], 4)):
            computed = len(state.computed)
            state.items = items
            hub.folded(by("somebody", "u"))
            await until(lambda n=computed: len(state.computed) > n)  # type: ignore[misc]
            await until(lambda n=lists: client.lists == n)  # type: ignore[misc]
        hub.folded(by("somebody"))
        await asyncio.sleep(0.05)
        assert len(state.computed) == 5

    played(scene)


def test_a_list_is_sent_when_a_group_changes() -> None:
    async def scene() -> None:
        state, client = State(), Client()
        hub = state.hub()
        hub.join(Query(user_id="u"), client.write, client.end)
        await until(lambda: client.lists == 1)
        for groups, lists in (
            ([("A", ["c", "d"])], 2),
            ([("A", ["c", "d"])], 2),
            ([("A", ["d", "c"])], 3),
            ([("B", ["d", "c"])], 4),
            ([("B", ["d"]), ("C", ["c"])], 5),
            ([("C", ["c"]), ("B", ["d"])], 6),
            ([], 7),
        ):
            computed = len(state.computed)
            state.groups = groups
            hub.folded(by("u"))
            await until(lambda n=computed: len(state.computed) > n)  # type: ignore[misc]
            await until(lambda n=lists: client.lists == n)  # type: ignore[misc]

    played(scene)


def test_a_client_that_does_not_read_is_sent_the_latest_later() -> None:
    async def scene() -> None:
        state, client = State(), Client()
        hub = state.hub()
        hub.join(Query(user_id="u"), client.write, client.end)
        await until(lambda: client.lists == 1)
        client.reads.clear()
        for k in range(20):
            state.items = [f"i{k}"]
            hub.folded(by("u"))
            await asyncio.sleep(0.005)
        assert len(state.computed) == 2, "the list that waits to be read, and no other"
        client.reads.set()
        await until(lambda: client.lists == 3)
        assert b'"i0"' in client.got[1]
        assert b'"i19"' in client.got[2]

    played(scene)


def test_the_gap_holds_whatever_happens() -> None:
    async def scene() -> None:
        state, client = State(), Client()
        hub = state.hub(most_per_s=5)
        began = time.monotonic()
        hub.join(Query(user_id="u"), client.write, client.end)
        for k in range(60):
            state.items = [f"i{k}"]
            hub.folded(by("u"))
            await asyncio.sleep(0.01)
        await until(lambda: b'"i59"' in client.got[-1])
        assert len(state.computed) <= 1 + 5 * (time.monotonic() - began)

    played(scene)


def test_who_vanished_is_forgotten() -> None:
    async def scene() -> None:
        state, client = State(), Client()
        hub = state.hub()
        hub.join(Query(user_id="u"), client.write, client.end)
        await until(lambda: client.lists == 1)
        client.gone, state.items = True, ["c"]
        hub.folded(by("u"))
        await until(lambda: len(hub) == 0)
        computed = len(state.computed)
        hub.folded(by("u"))
        await asyncio.sleep(0.05)
        assert len(state.computed) == computed

    played(scene)


def test_who_hears_nothing_is_sent_a_comment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "BEAT_S", 0.1)
    monkeypatch.setattr(rounds, "TICK_S", 0.01)

    async def scene() -> None:
        state, clients = State(), [Client() for _ in range(40)]
        hub = state.hub(most=40)
        for client in clients:
            hub.join(Query(), client.write, client.end)
        clients[0].reads.clear()
        await until(lambda: all(client.got.count(BEAT) >= 2 for client in clients[1:]))
        assert clients[0].got == []
        hub.close()
        await asyncio.sleep(0.05)
        assert all(client.ended for client in clients)

    played(scene)


def test_what_others_do_is_told_in_turns() -> None:
    async def scene() -> None:
        state, clients = State(), [Client() for _ in range(30)]
        hub = state.hub(most=30, refresh_s=0.05)
        for k, client in enumerate(clients):
            hub.join(Query(user_id=f"u{k}"), client.write, client.end)
        await until(lambda: all(client.lists == 1 for client in clients))
        await asyncio.sleep(0.4)
        assert len(state.computed) == 30, "nothing was folded"
        state.items, state.offset = ["new"], 1
        await until(lambda: all(client.lists == 2 for client in clients))
        assert len(state.computed) == 60

    played(scene)


def test_an_answer_that_fails_leaves_the_list() -> None:
    async def scene() -> None:
        state, client = State(), Client()
        hub = state.hub()
        with pytest.raises(NotFound):
            hub.join(Query(surface="nowhere"), client.write, client.end)
        assert len(hub) == 0
        hub.join(Query(user_id="u"), client.write, client.end)
        state.broken = True
        hub.folded(by("u"))
        await until(lambda: len(state.computed) == 3)
        state.broken, state.items = False, ["c"]
        hub.folded(by("u"))
        await until(lambda: client.lists == 2)

    played(scene)


def test_many_listeners_are_no_work_for_the_garbage_collector() -> None:
    async def scene() -> None:
        state, client = State(), Client()
        hub = state.hub(most=2 * STEP)
        frozen = gc.get_freeze_count()
        for _ in range(STEP):
            assert gc.get_freeze_count() == frozen
            hub.join(Query(), client.write, client.end)
        frozen = gc.get_freeze_count()
        assert frozen > STEP
        hub.close()
        await asyncio.sleep(0)

    try:
        played(scene)
    finally:
        gc.unfreeze()


def test_there_is_an_end_to_it() -> None:
    async def scene() -> None:
        state = State()
        hub = state.hub(most=1)
        client = Client()
        first = hub.join(Query(), client.write, client.end)
        with pytest.raises(Full):
            hub.join(Query(), client.write, client.end)
        hub.leave(first)
        hub.leave(first)
        hub.join(Query(), client.write, client.end)
        hub.close()
        with pytest.raises(Full):
            hub.join(Query(), client.write, client.end)

    played(scene)
