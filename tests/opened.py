"""Runtimes for tests: a folder that can be closed and opened again, and short ways to use it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from tests.batches import events_of
from tests.everything import app
from tests.model import Event, Model

from afresh import App
from afresh.events.batch import decode_batch
from afresh.features.canonical import canonical
from afresh.runtime import Runtime
from afresh.settings import Settings
from afresh.store.replica import Replica

PLAN = app.plan()
AGES = Settings(admission_horizon=10 * 365 * 86_400_000)
"""A door that admits the years of `histories`."""


class Opened:
    """A folder whose runtime can be closed, or abandoned, and opened again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runtime: Runtime | None = None

    def __call__(self, app: App = app, settings: Settings | None = None) -> Runtime:
        self.leave()
        self.runtime = Runtime.open(app, self.folder, settings or Settings())
        return self.runtime

    def leave(self, *, snapshot: bool = True) -> None:
        if self.runtime is not None:
            if not snapshot:
                self.runtime.recovery.saved_offset = 1 << 60
            self.runtime.close()
            self.runtime = None

    @property
    def snapshots(self) -> list[Path]:
        return sorted((self.folder / "snapshots").glob("*.snapshot"))


def now() -> int:
    return time.time_ns() // 1_000_000


def event(**said: Any) -> dict[str, Any]:
    return {"event_type": "view", "timestamp": now(), "user_id": "u", "item_id": "i", **said}


def post(runtime: Runtime, *events: dict[str, Any]) -> Any:
    return runtime.ingest(json.dumps(events).encode())


def put(runtime: Runtime, item_id: str, **values: Any) -> None:
    asyncio.run(runtime.put_item(item_id, values))


def read(runtime: Runtime, key: str, entity: str, feature: str, as_of: int | None = None) -> Any:
    return runtime.features({key: [entity]}, [feature], as_of).rows[0][feature]


def logged(runtime: Runtime) -> list[Event]:
    entries = [e for e in runtime.store.read() if e.kind == "events"]
    return [event for e in entries for event in events_of(decode_batch(e.payload))]


def check(runtime: Runtime) -> bytes:
    """The state equals the log folded from nothing, and the model; returns its bytes."""
    scratch = Replica(runtime.plan)
    for entry in runtime.store.read():
        scratch.apply(entry)
    whole = runtime.replica.canonical()
    assert whole == scratch.canonical()
    assert canonical(runtime.replica.state) == Model(runtime.plan, logged(runtime)).canonical()
    return whole
