"""Entity values in this process: for one process that writes and reads, and to compare with."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from afresh.errors import Unavailable
from afresh.store import MARK, VERSION_AT, Put


class MemoryStore:
    """An EntityStore in a dictionary."""

    def __init__(self) -> None:
        self._held: dict[bytes, tuple[bytes, float]] = {}
        self._lock = threading.Lock()
        self._open = True

    def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        with self._lock:
            return [self._living(key) for key in keys]

    def put(self, values: Sequence[Put], ttl_ms: int) -> int:
        refused = 0
        with self._lock:
            for put in values:
                held = self._living(put.key)
                if held is not None and _is_newer(held, put.value):
                    refused += 1
                else:
                    self._hold(put, ttl_ms)
        return refused

    def advance(self, values: Sequence[Put], ttl_ms: int) -> list[bool]:
        kept = []
        with self._lock:
            for put in values:
                held = self._living(put.key)
                known = held is not None and held[:MARK] == put.value[:MARK]
                kept.append(_version(put.value) == 1 + (_version(held or b"") if known else 0))
                if kept[-1]:
                    self._hold(put, ttl_ms)
        return kept

    def replace(self, value: Put, ttl_ms: int) -> None:
        with self._lock:
            self._living(value.key)
            self._hold(value, ttl_ms)

    def close(self) -> None:
        with self._lock:
            self._open = False
            self._held.clear()

    def _living(self, key: bytes) -> bytes | None:
        if not self._open:
            raise Unavailable("The store is closed.", hint="Open it again.")
        value, until = self._held.get(key, (None, 0.0))
        if value is not None and until <= time.monotonic():
            del self._held[key]
            return None
        return value

    def _hold(self, put: Put, ttl_ms: int) -> None:
        self._held[put.key] = put.value, time.monotonic() + ttl_ms / 1000


def _is_newer(held: bytes, value: bytes) -> bool:
    return held[:MARK] == value[:MARK] and _version(held) > _version(value)


def _version(of: bytes) -> int:
    return int.from_bytes(of[VERSION_AT : VERSION_AT + 8], "little")
