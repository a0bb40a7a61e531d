"""One event twice in a shared log: two servers let it in, or a producer asked again.

An event is known by its owner and its id; all its copies stand in one partition, and the first
there counts. Copies arrive within the horizon of the doors, so what is older may be forgotten.
"""

from __future__ import annotations

import secrets

import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import EventBatch
from afresh.events.duplicates import NEW, Duplicates
from afresh.events.hashing import hash_owned_ids

SLACK_MS = 2 * 3_600_000
"""How much longer than the doors' horizon an event is remembered: an hour that timestamps may be
ahead, and an hour that clocks may differ."""


class Copies:
    """Remembers the events that were folded. horizon_ms: D, the age up to which doors admit."""

    def __init__(self, horizon_ms: int) -> None:
        self.horizon_ms = horizon_ms + SLACK_MS
        self._seeds = np.array([secrets.randbits(64) for _ in range(2)], np.uint64)
        self._known = Duplicates(horizon_s=self.horizon_ms // 1000)

    def first(self, batch: EventBatch, arrival: int) -> NDArray[np.bool_]:
        """Which events are no copy of one before, remembered from now on: bool[n]. arrival: UTC ms,
        by the brokers' clock."""
        ids = hash_owned_ids(batch, self._seeds)
        verdict = self._known.admit(ids, np.zeros(batch.n, np.uint64), arrival)
        first: NDArray[np.bool_] = verdict == NEW
        return first
