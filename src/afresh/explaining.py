"""Explaining: why an answer was what it was, and whether it would be so again.

An answer is a function of the log up to an offset, of its moment, and of the question. So
a replay folds the log to that offset in a state of its own, asks again, and compares bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from afresh.answers import Answer, Answers
from afresh.errors import NotFound
from afresh.features.plan import Plan
from afresh.log import Log
from afresh.past import replica_as_of
from afresh.promoted import Promoted
from afresh.rank.registry import TAKEN
from afresh.rank.trained import Chosen
from afresh.request import Query, Weighed
from afresh.stages.refits import use_vectors
from afresh.store.replica import Replica
from afresh.surfaces.spec import Surface
from afresh.traces import Trace
from afresh.vectors.lookups import Hearing, Replaying
from afresh.vectors.shelf import Shelf

MODEL = "model:"
"""How `degraded` names a model that could not rank."""


class Weighing(msgspec.Struct):
    """A candidate and what each term added to its score, those that added nothing left out."""

    item_id: str
    terms: dict[str, float]


class Replay(msgspec.Struct):
    """The same question, asked of the log as it was. same: the answer is the same to the byte."""

    same: bool
    answer: msgspec.Raw
    candidates: list[Weighing]


class Explanation(msgspec.Struct):
    """How an answer came about. at: its moment, UTC ms; offset: the place in the log that it
    reflects; ranked: the items that the caller named, and given: what it said of each; removed: how
    many candidates each filter and rule took away."""

    request_id: str
    at: int
    offset: int
    query: Query
    ranked: list[str] | None
    answer: msgspec.Raw
    items: list[Weighing]
    removed: dict[str, int]
    given: dict[str, list[float | None]] = {}
    replay: Replay | None = None


def explained(trace: Trace) -> Explanation:
    """What was kept of an answer."""
    shown: dict[str, Any] = msgspec.json.decode(trace.answer)
    names = [item["item_id"] for item in shown["items"]]
    terms = trace.terms or [[] for _ in names]
    return Explanation(
        request_id=trace.request_id,
        at=trace.at,
        offset=trace.offset,
        query=trace.query,
        ranked=trace.ranked,
        given=trace.given,
        answer=trace.answer,
        items=[
            Weighing(name, _said(trace.sources, row))
            for name, row in zip(names, terms, strict=True)
        ],
        removed=trace.removed,
    )


def replayed(
    trace: Trace, plan: Plan, surfaces: tuple[Surface, ...], log: Log, snapshots: Path,
    promoted: Promoted, shelf: Shelf,
) -> Replay:  # fmt: skip
    """Ask again, with the log as it was, and the model and the item vectors that were in force:
    folds from the last snapshot before, in this thread.

    Raises NotFound when retention has dropped what the answer rested on, or one of these is gone.
    """
    said = msgspec.json.decode(trace.answer, type=Answer)
    rankers = {trace.query.surface: _ranked_by(said, trace.query.surface, promoted)}
    if trace.query.as_of is not None:
        replica = replica_as_of(plan, log, trace.query.as_of, trace.offset)
    else:
        replica = _replica_at(plan, log, snapshots, trace.offset)
    past = Answers(plan, surfaces, log, replica)
    past.surfaces.rankers = rankers
    use_vectors(past.surfaces.sources, trace.vectors, shelf)
    heard = None if trace.heard is None else Hearing(Replaying(trace.heard))
    with replica.lock, past.surfaces.sources.asking(heard):
        if trace.ranked is None:
            answer, arranged = past.recommended(
                trace.query, trace.at, trace.request_id, said.degraded
            )
        else:
            answer, arranged = past.ranked(
                trace.query, trace.ranked, trace.at, said.degraded, trace.given
            )
        candidates = _candidates(replica, arranged.weighed)
    # These say how fast it went, who asked, and which place that was; not what was answered.
    answer.request_id, answer.freshness_ms = trace.request_id, said.freshness_ms
    answer.offset = said.offset
    again = msgspec.json.encode(answer)
    return Replay(again == bytes(trace.answer), msgspec.Raw(again), candidates)


def answered_as_of(
    query: Query, plan: Plan, surfaces: tuple[Surface, ...], log: Log,
    keep: Callable[[Callable[[], Trace]], None], until: int, promoted: Promoted, shelf: Shelf,
) -> Answer:  # fmt: skip
    """The answer as it would have been at `query.as_of`, UTC ms, of the log before the offset
    `until`, by the model in force then; folds the log in this thread. keep: hears of it, as of
    every answer.

    Raises BadRequest for a moment that the log does not reach, NotFound for a model that is gone.
    """
    assert query.as_of is not None
    rankers = promoted.at(query.surface, query.as_of)
    past = Answers(plan, surfaces, log, replica_as_of(plan, log, query.as_of, until))
    past.surfaces.rankers = rankers
    use_vectors(past.surfaces.sources, shelf.newest(query.as_of), shelf)
    past.keep = keep
    return past.recommend(query)


def _ranked_by(said: Answer, surface: str, promoted: Promoted) -> Chosen:
    """What ranked an answer, and which model could not."""
    failed = [part for part in said.degraded if part.startswith(MODEL)]
    refused = failed[-1].removeprefix(MODEL) if failed else ""
    if said.model in TAKEN:
        return Chosen(None, refused)
    try:
        return Chosen(promoted.ranker(said.model, surface), refused)
    except NotFound as error:
        raise NotFound(
            f"The model {said.model!r}, which ranked this answer, is gone.",
            hint="`afresh models prune` removed it; what was kept of the answer stands without "
            "a replay.",
        ) from error


def _replica_at(plan: Plan, log: Log, snapshots: Path, offset: int) -> Replica:
    """The state at a place in the log, from the last snapshot before."""
    replica = Replica(plan)
    if not replica.restore(snapshots, log.id, log.start, offset) and log.start:
        raise NotFound(
            "The log no longer holds what this answer rested on.",
            hint="log_retention_age and log_max_bytes say how far back answers can be replayed.",
        )
    for entry in log.read(replica.offset, until=offset):
        replica.apply(entry)
    return replica


def _candidates(replica: Replica, held: Weighed | None) -> list[Weighing]:
    if held is None:
        return []
    known = held.of(np.flatnonzero(held.items >= 0))  # a caller may name what nobody has met
    names = replica.state.items.texts(known.items)
    return [
        Weighing(name, _said(held.names, row))
        for name, row in zip(names, known.added(), strict=True)
    ]


def _said(names: Sequence[str], row: list[float]) -> dict[str, float]:
    """The terms that add something, the weightiest first."""
    pairs = [(name, value) for name, value in zip(names, row, strict=False) if value]
    return {name: round(value, 6) for name, value in sorted(pairs, key=lambda p: -abs(p[1]))}
