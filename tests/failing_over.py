"""A store whose copy takes over, without the last of what was acknowledged."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from afresh.errors import Unavailable
from afresh.store import Put
from afresh.store.memory import MemoryStore

AWAY = 2
"""Calls that fail until the copy answers."""


class FailingOver(MemoryStore):
    """at: the write with which the first server dies; lost: so many writes before it the copy
    never heard of. It is the copy that has them all from then on."""

    def __init__(self, at: int, lost: int) -> None:
        super().__init__()
        self.at, self.lost = at, lost
        self.writes = self._failed = 0
        self._copies: list[dict[bytes, tuple[bytes, float]]] = []
        self._turn = threading.Lock()

    @property
    def over(self) -> bool:
        """Whether the copy has taken over."""
        return self._failed == AWAY

    def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        self._answers()
        return super().get(keys)

    def put(self, values: Sequence[Put], ttl_ms: int) -> int:
        self._written()
        return super().put(values, ttl_ms)

    def advance(self, values: Sequence[Put], ttl_ms: int) -> list[bool]:
        self._written()
        return super().advance(values, ttl_ms)

    def replace(self, value: Put, ttl_ms: int) -> None:
        self._written()
        super().replace(value, ttl_ms)

    def _written(self) -> None:
        self._answers()
        with self._turn, self._lock:
            self.writes += 1
            self._copies = [*self._copies[-self.lost :], dict(self._held)]

    def _answers(self) -> None:
        with self._turn:
            if self.writes < self.at or self.over:
                return
            if not self._failed:
                with self._lock:
                    self._held = self._copies[0]
            self._failed += 1
            raise Unavailable("The store is away.")
