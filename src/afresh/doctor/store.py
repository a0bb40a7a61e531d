"""Examinations of the store of entity values."""

from __future__ import annotations

import time
from collections.abc import Iterator

from afresh.doctor import Finding, skewed
from afresh.errors import AfreshError
from afresh.settings import Settings
from afresh.store import VERSION_AT, Put
from afresh.store.opening import open_store
from afresh.store.redis import RedisStore

PROBE_MS = 1_000
"""After so long the store drops what the probe wrote."""
NO_FILE = (
    "It has no append-only file: after a restart readers wait until all is written anew "
    "(--appendonly yes keeps it)"
)


def examine(settings: Settings) -> Iterator[Finding]:
    """Whether it answers, takes values, keeps them, and what its clock says."""
    try:
        store = open_store(settings)
        key = f"{settings.store_prefix}:doctor".encode()
        store.get([key])
        began = time.perf_counter()
        store.get([key])
        took = (time.perf_counter() - began) * 1000
        yield Finding("store", "ok", f"It answers in {took:.1f} ms")
        if settings.store_write:
            store.put([Put(key, bytes(VERSION_AT + 8))], PROBE_MS)
        yield from _told(store)
        store.close()
    except AfreshError as error:
        yield Finding("store", "error", error.message, error.hint)


def _told(store: RedisStore) -> Iterator[Finding]:
    try:
        nodes = store.about()
    except AfreshError:
        yield Finding("store", "ok", "This user may not see its version and its clock")
        return
    for node in nodes:
        yield Finding("store", "ok", f"{node.name} {node.version}")
        if node.evicts not in ("", "noeviction", "volatile-ttl"):
            yield Finding(
                "store", "warning", f"When it is full it drops values at will ({node.evicts})",
                "Set maxmemory-policy to noeviction: what does not fit waits and is said.",
            )  # fmt: skip
        if node.appends is not None:
            text = "It has an append-only file" if node.appends else NO_FILE
            yield Finding("store", "ok", text)
        if node.clock_ms is not None:
            yield skewed("clocks", "The store's clock", node.clock_ms - time.time_ns() / 1e6)
