"""Lookups: where a request's neighbours come from, other than the index in this process.

A request goes three ways through one and the same source: once to note what it will ask
(`Asking`), once to be answered with what was found meanwhile (`Hearing`), and, when it is
explained, with what it heard then (`Replaying`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.vectors.databases import Hits
from afresh.vectors.databases.filters import Filter

Lookup = Callable[[NDArray[np.float32], int], Hits | None]
"""The n points nearest to a vector float32[dims]; None: it is not known."""


class Question(NamedTuple):
    """vector: float32[dims], as bytes; where: which points may be named."""

    vector: bytes
    n: int
    where: Filter | None = None


class Heard(msgspec.Struct, array_like=True):
    """What a database answered: item ids and cosines."""

    ids: list[str]
    cosines: list[float]


class Asking:
    """Notes what is asked, and finds nothing."""

    def __init__(self, where: Filter | None = None) -> None:
        self.questions: list[Question] = []
        self._where = where

    def __call__(self, vector: NDArray[np.float32], n: int) -> Hits:
        self.questions.append(question(vector, n, self._where))
        return Hits()


class Hearing:
    """Notes what is answered. said: one a question, None for one that was not."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self.said: list[Heard | None] = []

    def __call__(self, vector: NDArray[np.float32], n: int) -> Hits | None:
        hits = self._lookup(vector, n)
        self.said.append(None if hits is None else Heard(hits.ids, hits.cosines.tolist()))
        return hits


class Replaying:
    """Answers the same questions, in the same order, with what was heard."""

    def __init__(self, said: Sequence[Heard | None]) -> None:
        self._said = iter(said)

    def __call__(self, vector: NDArray[np.float32], n: int) -> Hits | None:
        heard = next(self._said, None)
        return None if heard is None else Hits(heard.ids, np.array(heard.cosines, np.float32))


def question(vector: NDArray[np.floating], n: int, where: Filter | None = None) -> Question:
    """What is asked, as something to remember by."""
    return Question(np.ascontiguousarray(vector, np.float32).tobytes(), n, where)
