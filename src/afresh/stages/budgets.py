"""Budgets of time: what is late is left out, and named.

A kernel cannot be interrupted, so a budget is kept before something runs. A source is left out
when those before it have used up what the sources of a request have. A source or filter with a
budget of its own is left out when its last two runs overran it: for a second, then for twice as
long after each further run that overran, up to a minute; then it gets another chance.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import structlog

from afresh.request import Arranged

T = TypeVar("T")

OVERRUNS = 2
"""Runs over the budget, one after the other, before something is left out."""
REST_S, LONGEST_S = 1.0, 60.0
LATE = ":late"
"""How the name of what was left out for its time ends, in `degraded`."""

_log = structlog.get_logger("afresh.surface")


@dataclass(slots=True)
class _Record:
    """overruns: in a row; until: when the rest ends, seconds by the clock."""

    overruns: int = 0
    until: float = 0.0


@dataclass(slots=True)
class _Part:
    """Of the request at hand. spent: seconds; ended: by the clock, the last time; budget: seconds,
    None for none of its own."""

    late: bool
    budget: float | None
    spent: float = 0.0
    ended: float = 0.0


class Budgets:
    """What may run in the request at hand; one request at a time, one thread.

    whole: ms that the sources of a request have together, None for no limit. What is decided of
    a part holds for the whole request, so that a replay can decide the same.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.whole: float | None = None
        self._records: dict[tuple[str, str], _Record] = {}
        self._parts: dict[str, _Part] = {}
        self._surface, self._spent = "", 0.0
        self._replayed: Collection[str] | None = None

    def begin(self, surface: str, replayed: Collection[str] | None = None) -> None:
        """A request of a surface. replayed: the parts that were left out when it was answered;
        these are, and no others."""
        self._settle()
        self._surface, self._spent, self._parts = surface, 0.0, {}
        self._replayed = replayed

    def late(self, part: str, budget: float | None, *, shared: bool = False) -> bool:
        """Whether a part has to be left out. budget: its own, ms; shared: it counts to the whole,
        and is left out when that is used up."""
        held = self._parts.get(part)
        if held is None:
            own = None if budget is None else budget / 1000
            held = self._parts[part] = _Part(self._is_late(part, own, shared), own)
        return held.late

    def _is_late(self, part: str, budget: float | None, shared: bool) -> bool:
        if self._replayed is not None:
            return part + LATE in self._replayed
        if shared and self.whole is not None and self._spent * 1000 >= self.whole:
            return True
        if budget is None:
            return False
        record = self._records.get((self._surface, part))
        return record is not None and record.overruns >= OVERRUNS and self.clock() < record.until

    def ran(self, part: str, began: float, *, shared: bool = False) -> None:
        """A part that was not late ran, from `began` by the clock until now."""
        held = self._parts[part]
        held.ended = self.clock()
        held.spent += held.ended - began
        if shared:
            self._spent += held.ended - began

    def guarded(
        self, part: str, failed: str, budget: float | None, work: Callable[[], T], out: Arranged
    ) -> T | None:
        """What a part that counts to the whole gives; None where it is late or fails: it is left
        out and named, when it fails as `failed`, a kind and a name."""
        if self.late(part, budget, shared=True):
            out.left_out(part + LATE)
            return None
        began = self.clock()
        try:
            return work()
        except Exception:
            kind, _, name = failed.partition(":")
            _log.exception(f"{kind}_failed", **{kind: name})
            out.left_out(failed)
            return None
        finally:
            self.ran(part, began, shared=True)

    def _settle(self) -> None:
        """Judge what ran in the last request: a filter runs several times."""
        for name, part in self._parts.items():
            if part.late or part.budget is None or self._replayed is not None:
                continue
            record = self._records.setdefault((self._surface, name), _Record())
            if part.spent <= part.budget:
                record.overruns = 0
                continue
            record.overruns += 1
            rest = REST_S * 2.0 ** min(record.overruns - OVERRUNS, 10)
            record.until = part.ended + min(rest, LONGEST_S)


@cache
def named_apart(kind: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    """The names of a surface's parts: `source:text`; of equal ones the second `source:text 2`."""
    names: list[str] = []
    for at, label in enumerate(labels):
        same = labels[:at].count(label)
        names.append(f"{kind}:{label} {same + 1}" if same else f"{kind}:{label}")
    return tuple(names)
