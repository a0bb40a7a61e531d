"""Examples: questions asked again as the log grew, each with its candidates as they were known.

One pass over the log, in its order. Before an outcome is folded, the code that serves is asked:
the surface's sources and scorer choose the candidates, its filters take away what could not be
shown, and the columns are read as a request at that moment would have read them. So no row can
hold what came later: it was not there yet.

Beside each row stands how others order it: `surface`, as the scorer in force then had it;
`blend`, the sources by their fixed weights; `online`, a softmax blend that learned from the
questions before; and the model that ranks now, by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import EventBatch, decode_batch
from afresh.features.plan import Plan
from afresh.log import Entry, Log
from afresh.rank.blend import Scored
from afresh.rank.columns import POSITION, Columns
from afresh.rank.softmax import Softmax
from afresh.rank.trained import RERANKED, Ranker
from afresh.request import Arranged, Query
from afresh.retrieve import Context
from afresh.stages.refits import Refits
from afresh.stages.reranking import best_rows
from afresh.store.replica import Replica
from afresh.surface import Surfaces, share
from afresh.surfaces.spec import Surface
from afresh.train.outcomes import Outcomes, Progress, Question, hashes, sampled

REFIT_MS = 86_400_000
"""How old the vectors get that are learned from visits, while questions are asked again."""
SHOWN = "shown"
"""The order in which the items were shown, or named by the caller."""
LATE_MS = 3_600_000
"""An outcome so much older than the newest event is no moment at which a server was asked."""


@dataclass(slots=True)
class Examples:
    """q questions in the order of the log; rows of one stand together.

    names: the columns; x: float32[rows, columns]; grade: int32[rows], 0 for what was not taken,
    else from 1 up by weight; start: int64[q + 1], where each question's rows begin. Of each
    question: ts int64[q]; found bool[q], whether something taken is among its rows; wanted
    int32[q], the grade of the weightiest answer; given bool[q], whether a caller gave the list;
    repeat bool[q], whether the visitor had touched the answer already; length int64[q], of the
    visit. own: float64[rows], the surface's own score, that trees add to; scores: how others
    order the rows, float64[rows] each. gains: what a grade is worth, from 0 up. late: questions
    left out, as their outcome came too late.
    """

    names: tuple[str, ...]
    x: NDArray[np.float32]
    grade: NDArray[np.int32]
    start: NDArray[np.int64]
    ts: NDArray[np.int64]
    found: NDArray[np.bool_]
    wanted: NDArray[np.int32]
    given: NDArray[np.bool_]
    repeat: NDArray[np.bool_]
    length: NDArray[np.int64]
    scores: dict[str, NDArray[np.float64]]
    own: NDArray[np.float64]
    gains: list[float]
    late: int = 0

    def __len__(self) -> int:
        return len(self.ts)

    def rows(self, first: int, last: int) -> slice:
        """The rows of questions [first, last)."""
        return slice(int(self.start[first]), int(self.start[last]))


class Asker:
    """Asks the questions of one surface, and writes down what comes back.

    most: rows, of all questions together; current: the model that ranks now, to be compared with;
    others: what else orders the rows, by its name.
    """

    def __init__(
        self, plan: Plan, surface: Surface, replica: Replica, most: int, current: Ranker | None,
        others: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self.surface, self.replica, self.current = surface, replica, current
        self.surfaces = Surfaces((surface,), replica)
        self.refits = Refits(self.surfaces.sources, surface, REFIT_MS)
        self.columns = Columns(plan, surface.inputs)
        weights = sorted({event.weight for event in plan.events if event.weight > 0})
        self.grades = {weight: grade for grade, weight in enumerate(weights, 1)}
        self.gains = [0.0, *(weight / weights[0] for weight in weights)]
        self.online = Softmax()
        self._own: list[NDArray[np.float64]] = []
        self.late = 0
        self._x = np.empty((most, len(self.columns.names)), np.float32)
        self._grade: list[NDArray[np.int32]] = []
        self._start = [0]
        self._told: list[tuple[int, bool, int, bool, bool, int]] = []
        self._scores: dict[str, list[NDArray[np.float64]]]
        self._scores = {name: [] for name in ("surface", "blend", "online", *others)}
        if current is not None:
            self._scores[current.name] = []

    def ask(self, question: Question, user: str, session: str) -> None:
        """Ask as of the moment, with the state as it is."""
        newest = self.replica.state.newest
        if question.ts < newest - LATE_MS:
            self.late += 1
            return
        query = Query(surface=self.surface.name, user_id=user or None, session_id=session or None)
        self.refits.look()
        context = self.surfaces.context(query, max(question.ts, newest + 1))
        n, out = share(self.surface), Arranged()
        scored = self.surfaces.scored(self.surface, context, n, out)
        rows = best_rows(scored) if len(scored.items) else np.empty(0, np.int64)
        kept = self.surfaces.filters.keep(scored.items[rows], self.surface, context, Arranged())
        rows = rows[kept]
        names = self.replica.state.items.texts(scored.items[rows])
        grade = self.graded(names, question.answers)
        best = max(question.answers, key=lambda item: question.answers[item])
        self.tell(question.ts, context, grade, self.grades[question.answers[best]], best)
        listed = scored.take(rows)
        self.write(context, listed, n, {"surface": listed.scores}, grade, user or session)

    def write(
        self, context: Context, listed: Scored, n: int, orders: Mapping[str, NDArray[np.float64]],
        grade: NDArray[np.int32], owner: str, position: NDArray[np.int64] | None = None,
    ) -> None:  # fmt: skip
        """Write down the candidates of one question, k rows; trees add to their scores, but in a
        caller's list, where they add to nothing. n: the candidates of each source; orders: how the
        surface, and the others, ordered them, float64[k] each; what was taken, int32[k]; and where
        each was shown, if any was."""
        if not len(listed.items):
            return
        items, own, sources = listed.items, listed.scores, self.surfaces.sources
        if context.given is not None:
            own = np.ones(len(own))
        x = sources.matrix(self.columns, items, listed.parts, context, n)
        if position is not None:
            x[:, self.columns.names.index(POSITION)] = position
        self._x[self._start[-2] : self._start[-1]] = x
        self._own.append(own)
        for name, order in orders.items():
            self._scores[name].append(order)
        self._scores["blend"].append(listed.parts.sum(1))
        self._scores["online"].append(self._learned(context, listed, grade, n, owner))
        if self.current is not None:
            read = sources.matrix(self.current.columns, items, listed.parts, context, n)
            base = own if self.current.given else listed.scores
            self._scores[self.current.name].append(self.current(read, base))

    def examples(self) -> Examples:
        told = list(zip(*self._told, strict=True)) or [()] * 6
        empty = np.empty(0)
        return Examples(
            self.columns.names,
            self._x[: self._start[-1]],
            np.concatenate(self._grade) if self._grade else np.empty(0, np.int32),
            np.array(self._start, np.int64),
            np.array(told[0], np.int64),
            np.array(told[1], np.bool_),
            np.array(told[2], np.int32),
            np.array(told[3], np.bool_),
            np.array(told[4], np.bool_),
            np.array(told[5], np.int64),
            {n: np.concatenate(parts) if parts else empty for n, parts in self._scores.items()},
            np.concatenate(self._own) if self._own else empty,
            self.gains,
            self.late,
        )

    def graded(self, names: list[str], answers: Mapping[int, int]) -> NDArray[np.int32]:
        """The grade of each item, by the hashes of their names: int32[n]."""
        named = hashes(names).tolist()
        return np.array([self.grades.get(answers.get(n, 0), 0) for n in named], np.int32)

    def tell(
        self, ts: int, context: Context, grade: NDArray[np.int32], wanted: int, best: int
    ) -> None:
        """Write down a question whose rows have these grades; best: the hash of the weightiest
        answer, whose grade is `wanted`."""
        visited = set(hashes(self.replica.state.items.texts(context.items)).tolist())
        given, length = context.given is not None, len(context.visit)
        said = (ts, bool(grade.any()), wanted, given, best in visited, length)
        self._told.append(said)
        self._grade.append(grade)
        self._start.append(self._start[-1] + len(grade))

    def _learned(
        self, context: Context, scored: Scored, grade: NDArray[np.int32], n: int, owner: str
    ) -> NDArray[np.float64]:
        """The scores of the softmax blend as it has learned so far; then it learns from this."""
        known = self.surfaces.beside[self.surface.name]
        x = self.surfaces.sources.terms(scored, known, context, n)
        scores = self.online.score(x)
        if grade.any():
            self.online.learn(x, int(grade.argmax()), crc32(owner.encode()), context.now)
        return scores


def asked_again(
    plan: Plan, surface: Surface, log: Log, outcomes: Outcomes, *, rows: int, seed: int,
    until: int, current: Ranker | None, progress: Progress,
) -> Examples:  # fmt: skip
    """Fold the log before the offset `until`, and ask about some of its outcomes on the way: as
    many as give about `rows` rows."""
    questions = sampled(outcomes, max(rows // RERANKED, 1), seed)
    replica = Replica(plan)
    asker = Asker(plan, surface, replica, len(questions) * RERANKED, current)
    waiting = iter(questions)
    question = next(waiting, None)
    for entry in log.read(0, until):
        here: list[Question] = []
        while question is not None and question.entry == entry.offset:
            here.append(question)
            question = next(waiting, None)
        if here:
            _fold_and_ask(entry, here, asker)
        else:
            replica.apply(entry)
        replica.tidy()
        progress("questions", entry.end, until)
    return asker.examples()


def _fold_and_ask(entry: Entry, questions: list[Question], asker: Asker) -> None:
    """An entry's events, up to each question's, which is then asked; then the rest."""
    batch, at = decode_batch(entry.payload), 0
    users, sessions = batch.strings("user_id"), batch.strings("session_id")
    for question in questions:
        _fold(asker.replica, batch, at, question.row, entry.offset)
        at = question.row
        asker.ask(question, users[at], sessions[at])
    _fold(asker.replica, batch, at, batch.n, entry.end)


def _fold(replica: Replica, batch: EventBatch, first: int, last: int, offset: int) -> None:
    if last > first:
        replica.fold_events(batch.take(np.arange(first, last)), offset)
