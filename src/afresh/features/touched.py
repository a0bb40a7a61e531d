"""Touched: which entities have changed, by key field and number, for whoever writes them elsewhere.

The fold has the numbers at hand, so noting them costs a few references; they are told apart when
a round begins. A round is what was touched until then; what comes meanwhile is for the next one.
What a round has handed out can be had again until the next one begins.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

GATHERED = 1 << 18
"""Numbers that are kept as they came before they are told apart: what waits is bounded by the
number of entities."""


_NONE = np.empty(0, np.int64)


class Touched:
    """Entities of some key fields. One thread at a time."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = list(keys)
        self._noted: dict[str, list[Numbers]] = {key: [] for key in keys}
        self._due = dict.fromkeys(keys, _NONE)
        self._handed: list[tuple[float, str, Numbers]] = []
        self._size = 0

    def __len__(self) -> int:
        """How many entities wait, at most: one of this round may be touched again."""
        return self._size + sum(map(len, self._due.values()))

    def note(self, numbers: Mapping[str, Numbers]) -> None:
        """Facts of these entities changed: int64[n] a key field, -1 for none."""
        for key in self.keys:
            if key in numbers:
                self._noted[key].append(numbers[key])
                self._size += len(numbers[key])
        if self._size > GATHERED:
            self._gather()

    def begin(self) -> None:
        """Begin a round: what was touched is due."""
        self._gather()
        for key, noted in self._noted.items():
            self._due[key] = np.unique(np.concatenate([self._due[key], *noted]))
        self._noted = {key: [] for key in self.keys}
        self._handed = []
        self._size = 0

    def next(self, most: int) -> tuple[str, Numbers] | None:
        """Some entities of one key field that are due, ascending; None: the round is over."""
        for key, due in self._due.items():
            if len(due):
                self._due[key] = due[most:]
                self._handed.append((time.monotonic(), key, due[:most]))
                return key, due[:most]
        return None

    def again(self, within_s: float) -> None:
        """What this round handed out so long before its last is due still."""
        first = self._handed[-1][0] - within_s if self._handed else 0.0
        for key in self.keys:
            late = [each for at, of, each in self._handed if of == key and at >= first]
            self._due[key] = np.unique(np.concatenate([self._due[key], *late]))
        self._handed = []

    def renumber(self, keys: Sequence[str], moved: Numbers) -> None:
        """Entities of these key fields have new numbers: moved[old], -1: forgotten."""
        self._gather()
        for key in keys:
            self._noted[key] = [_known(moved[each]) for each in self._noted[key]]
            self._due[key] = np.sort(_known(moved[self._due[key]]))
        self._handed = [
            (at, key, _known(moved[each]) if key in keys else each)
            for at, key, each in self._handed
        ]

    def _gather(self) -> None:
        for key, noted in self._noted.items():
            self._noted[key] = [_known(np.unique(np.concatenate(noted)))] if noted else []
        self._size = sum(len(each) for noted in self._noted.values() for each in noted)


def _known(numbers: Numbers) -> Numbers:
    return numbers[numbers >= 0]
