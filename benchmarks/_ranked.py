"""A ranker trained on sessions of clicks, judged on later ones, over an index that stands still.

The candidates are those of ten scans and of vectors learned from visits, fitted of what the index
holds; the learned blend orders them, and the ranker its best hundred.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afresh.features.reading import Reader
from afresh.rank.beside import beside
from afresh.rank.blend import Scored, blend
from afresh.rank.columns import Columns
from afresh.rank.inputs import Inputs
from afresh.rank.softmax import Softmax
from afresh.rank.terms import terms
from afresh.rank.trained import RERANKED, log_odds
from afresh.rank.trees import Trees, read_trees
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.embeddings import FADING
from afresh.retrieve.preference import nearest
from afresh.retrieve.scans import Scanned, Scans
from afresh.retrieve.top import top
from afresh.store.replica import Replica
from afresh.surface import CANDIDATES
from afresh.train.fit import Lists, fitted
from afresh.vectors.behaviour import BehaviourVectors
from afresh.vectors.fitting import fit_known, known_now
from benchmarks._clicks import EVENT_MS, START_MS, Cases, Clicks
from benchmarks.quality import apart, context_of

JUDGED = 0.15
"""The share of the last questions of train that says when to stop."""


SOURCES = [("neighbours", 1.0), ("embeddings", 0.3)]
EACH = CANDIDATES // len(SOURCES)


class _Asker:
    """Asks a replica that stands still; the learned blend chooses the candidates."""

    def __init__(self, shop: Clicks, replica: Replica, model: Softmax) -> None:
        self.shop, self.state, self.model = shop, replica.state, model
        self.columns = Columns(replica.plan, Inputs(tuple(name for name, _ in SOURCES)))
        self.reader, self.scans, self.space = Reader(self.state), Scans(), Workspace()
        self.items, self.now = shop.numbers(self.state), self.state.newest + 1
        self.beside = beside(SOURCES)
        self.vectors = BehaviourVectors(replica, fit_known(known_now(replica, None)), None)
        self.vectors.prepare()
        self.space.fit(self.state)

    def scored(self, context: Context, scanned: Scanned) -> Scored:
        """The candidates of both sources, as a request has them."""
        pull = np.power(FADING, np.arange(len(context.items)), dtype=np.float64)
        near = nearest(context.items, pull, context, self.vectors, EACH)
        found = [Candidates(scanned.items, scanned.blend), near]
        return blend(found, [weight for _, weight in SOURCES], self.space)

    def __call__(
        self, cases: Cases, row: int, *, learn: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]:
        """Of one question the candidates, int64[n], their columns, float32[n, columns], and the
        log-odds that the learned blend gives them, float64[n]."""
        first, length, answer = (
            int(each[row]) for each in (cases.first, cases.length, cases.answer)
        )
        context = context_of(self.items[first : first + length], self.now)
        scanned = self.scans(self.state, context, EACH)
        scored = self.scored(context, scanned)
        places = self.space.rows(scanned.items, scored.items)
        given = self.beside.of(scored) if self.beside is not None else None
        known = terms(self.state, context, scanned, scored.items, places, given)
        scores = self.model.score(known)
        rows = top(scores, scored.items, RERANKED)
        items, parts = scored.items[rows], scored.parts[rows]
        x = self.columns(self.reader, context, scanned, items, places[rows], parts)
        at = np.flatnonzero(scored.items == self.items[answer])
        if learn and len(at):
            when = START_MS + EVENT_MS * answer
            self.model.learn(known, int(at[0]), int(self.shop.session[answer]), when)
        return items, x, log_odds(scores[rows])


def judged(shop: Clicks) -> dict[str, dict[str, Any]]:
    """Measures of the learned blend and of the ranker on top of it, as `quality` has them."""
    replica, model = Replica(shop.state().plan), Softmax()
    state = replica.state
    shop.fold(state, 0, shop.held)
    ask = _Asker(shop, replica, model)
    n, width = len(shop.learn.first), len(ask.columns.names)
    x, grade = np.empty((n * RERANKED, width), np.float32), np.zeros(n * RERANKED, np.int32)
    own = np.empty(n * RERANKED)
    sizes: list[int] = []
    used = 0
    for row in range(n):
        items, known, odds = ask(shop.learn, row, learn=True)
        taken = items == ask.items[shop.learn.answer[row]]
        if taken.any():
            x[used : used + len(items)], grade[used : used + len(items)] = known, taken
            own[used : used + len(items)] = odds
            used += len(items)
            sizes.append(len(items))
    same = (x[:used] == x[0]) | (np.isnan(x[:used]) & np.isnan(x[0]))
    kept = np.flatnonzero(~same.all(0))  # as a training run does
    x = np.ascontiguousarray(x[:used, kept])
    cut = int(len(sizes) * (1 - JUDGED))
    rows, size = sum(sizes[:cut]), np.array(sizes, np.int64)
    began = time.perf_counter()
    fit = fitted(
        Lists(x[:rows], grade[:rows], size[:cut], own[:rows]),
        Lists(x[rows:used], grade[rows:used], size[cut:], own[rows:used]), [0.0, 1.0], 0,
        lambda stage, done, total: None,
    )  # fmt: skip
    took = round(time.perf_counter() - began, 1)
    shop.fold(state, shop.held, shop.train)
    run = {"trees": fit.rounds, "questions": len(sizes), "training_s": took}
    trees = read_trees(fit.text, len(kept)).over(kept.astype(np.int32))
    return {**_asked(shop, _Asker(shop, replica, model), trees), "run": run}


def _asked(shop: Clicks, ask: _Asker, trees: Trees) -> dict[str, dict[str, Any]]:
    cases = shop.test
    n = len(cases.first)
    ranks = {"learned": np.zeros(n, np.int64), "ranked": np.zeros(n, np.int64)}
    repeat = np.zeros(n, np.bool_)
    for row in range(n):
        target = ask.items[cases.answer[row]]
        first, length = int(cases.first[row]), int(cases.length[row])
        repeat[row] = target in ask.items[first : first + length]
        items, x, odds = ask(cases, row, learn=False)
        order = np.argsort(-trees(x) - odds, kind="stable") if len(items) else np.empty(0, np.int64)
        for name, listed in (("learned", items), ("ranked", items[order])):
            at = np.flatnonzero(listed == target)
            ranks[name][row] = at[0] + 1 if len(at) else 0
    return {name: apart(rank, repeat) for name, rank in ranks.items()}
