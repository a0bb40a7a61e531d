"""What waits for the writer, and what it hears back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import structlog

from afresh.errors import AfreshError
from afresh.events.verdict import Rejection

_log = structlog.get_logger("afresh.submission")


@dataclass(slots=True)
class Outcome:
    """What became of a submission. place: in the log, after its last record."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    place: tuple[int, ...] = (0,)


@dataclass(slots=True)
class ItemChange:
    """One change to the catalogue: a full record, a partial one to merge, or a deletion."""

    item_id: str
    record: bytes | None = None
    patch: dict[str, Any] | None = None


@dataclass(slots=True)
class Submission:
    """Events (typed, with their places in the request), item changes, or a record of weights,
    waiting for a verdict.

    The verdict goes to `then`, or else to `future`; on `loop` where there is one, else in the
    thread that settles.
    """

    events: Sequence[Any] = ()
    index: Sequence[int] = ()
    changes: Sequence[ItemChange] = ()
    weights: bytes | None = None
    future: Future[Outcome] | asyncio.Future[Outcome] = field(default_factory=Future)
    loop: asyncio.AbstractEventLoop | None = None
    then: Callable[[Outcome | AfreshError], None] | None = None
    size: int = field(init=False)

    @property
    def kind(self) -> str:
        """What kind of entry it becomes; those of one kind share commits."""
        return "items" if self.changes else "events" if self.weights is None else "weights"

    def __post_init__(self) -> None:
        self.size = len(self.events) + len(self.changes) + (self.weights is not None)


def shares(
    group: list[Submission], duplicates: list[int], rejected: list[Rejection],
    place: tuple[int, ...],
) -> list[Outcome]:  # fmt: skip
    """Deal out the verdicts on a group's events to its submissions."""
    outcomes = [Outcome(len(s.events), 0, [], place) for s in group]
    if not duplicates and not rejected:
        return outcomes
    owner = [(at, i) for at, s in enumerate(group) for i in s.index]
    for row in duplicates:
        outcomes[owner[row][0]].accepted -= 1
        outcomes[owner[row][0]].duplicates += 1
    for r in rejected:
        at, index = owner[r.index]
        outcomes[at].accepted -= 1
        outcomes[at].rejected.append(Rejection(index, r.code, r.path, r.detail))
    return outcomes


def settle(group: list[Submission], results: Sequence[Outcome | AfreshError]) -> None:
    """Hand out results; each event loop is woken once."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[Submission, Outcome | AfreshError]]] = {}
    for submission, result in zip(group, results, strict=True):
        if submission.loop is None:
            _resolve(submission, result)
        else:
            loops.setdefault(submission.loop, []).append((submission, result))
    for loop, pairs in loops.items():
        try:
            loop.call_soon_threadsafe(_resolve_all, pairs)
        except RuntimeError:
            _log.warning("loop_gone", answers=len(pairs))


def _resolve_all(pairs: list[tuple[Submission, Outcome | AfreshError]]) -> None:
    for submission, result in pairs:
        _resolve(submission, result)


def _resolve(submission: Submission, result: Outcome | AfreshError) -> None:
    if submission.then is not None:
        submission.then(result)
        return
    future: Any = submission.future
    if future.done():
        return
    if isinstance(result, AfreshError):
        future.set_exception(result)
    else:
        future.set_result(result)
