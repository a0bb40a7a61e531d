"""Rows of a file that were refused: all counted, the first ones kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

KEPT = 1000
"""Rejects kept in full; a file that is wrong throughout must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Reject:
    """One row that was refused: `row` counts the file's records from 1, without the header.

    `code` is one of `afresh.events.verdict.CODES`.
    """

    row: int
    code: str
    path: str
    detail: str


@dataclass(slots=True)
class Rejects:
    """first: the first KEPT rejects; codes: how many of each code."""

    first: list[Reject] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return self.codes.total()

    def extend(self, rejects: Iterable[Reject]) -> None:
        for reject in rejects:
            self.codes[reject.code] += 1
            if len(self.first) < KEPT:
                self.first.append(reject)
