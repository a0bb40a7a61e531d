"""A shop whose definition changes: both of its forms, and a backfill that stands still."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from tests.opened import Opened, event, post, put

import afresh.recovery
from afresh import App, Catalog, Features, count, daily, preference, sliding, trending
from afresh.backfill import Backfill
from afresh.runtime import Runtime


class Things(Catalog):
    category: str
    title: str


def shop(*, wide: bool, window: str = "24h", likes: bool = False) -> App:
    made = App("shop", catalog=Things, features=[])
    view = made.event("view", brand=str)
    if likes:
        made.event("like", 2)

    class Narrow(Features, key="item_id"):
        hour = count(view, window=sliding("1h"))

    class Wide(Features, key="user_id"):
        kinds = count(view, by=view.brand, window=daily(1))
        tastes = count(view, by=Things.category, window=daily(1))

    made._features = [Narrow, Wide] if wide else [Narrow]
    made.surface("home", sources=[trending(window), preference()], filters=[])
    return made


@contextmanager
def standing(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Backfills, also of the smallest logs, stop after each entry until it is set."""
    gate = threading.Event()

    def rest(self: Backfill) -> None:
        while not (gate.is_set() or self._closing.is_set()):
            gate.wait(0.01)

    monkeypatch.setattr(afresh.recovery, "AT_ONCE", 0)
    monkeypatch.setattr(Backfill, "_rest", rest)
    yield gate
    gate.set()


def with_history(opened: Opened) -> Runtime:
    """A shop with a history, opened again with the wider definition; its backfill stands."""
    runtime = opened(shop(wide=False))
    for item, title in (("i", "red shoes"), ("j", "red boots"), ("k", "a blue lamp")):
        put(runtime, item, category="red", title=title)
    for at in range(9):
        post(runtime, event(event_id=f"e{at}", user_id=f"u{at % 2}", properties={"brand": "b"}))
    runtime = opened(shop(wide=True))
    assert runtime.recovery.backfill is not None
    return runtime


def warm(runtime: Runtime, gate: threading.Event) -> None:
    """Let the backfill go, and wait until it has taken over."""
    gate.set()
    wait(lambda: runtime.recovery.backfill is None)
    assert runtime.replica.warming is None


def wait(for_: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not for_():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def asked(runtime: Runtime, user: str) -> dict[str, Any]:
    found = runtime.features({"user_id": [user], "item_id": ["i"]}, None, None)
    return dict(msgspec.json.decode(msgspec.json.encode(found)))
