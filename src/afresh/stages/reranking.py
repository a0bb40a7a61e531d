"""Reranking: a trained ranker orders the best of a request's candidates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numba
import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.rank.blend import Scored
from afresh.rank.models import Model
from afresh.rank.trained import RERANKED, Chosen, Ranker, log_odds
from afresh.request import Arranged, Weighed
from afresh.retrieve import Context
from afresh.retrieve.top import top
from afresh.stages.sources import Sources
from afresh.store.replica import Replica

OWN = "the surface's own score"
FAINT = 30.0
"""How far below the best, in log-odds, a score can be told from others."""

_log = structlog.get_logger("afresh.surface")


def rerank(
    chosen: Chosen, scored: Scored, context: Context, n: int, sources: Sources, out: Arranged
) -> None:
    """Have a ranker order the best of what is scored. n: the candidates of each source. One that
    fails, or cannot read what is not folded yet, is left out and named."""
    if not len(scored.items) or (ranker := able(chosen, sources.replica, out)) is None:
        return
    try:
        rows = best_rows(scored)
        x = sources.matrix(ranker.columns, scored.items[rows], scored.parts[rows], context, n)
        own = scored.scores[rows]
        scores = reranked(scored.scores, rows, ranker(x, own))
    except Exception:
        _log.exception("scorer_failed", scorer=ranker.name)
        out.left_out(f"model:{ranker.name}")
        return
    scored.scores, out.model = scores, ranker.name
    out.weighed = read(ranker, scored.items, rows, x, own)


def able(chosen: Chosen, replica: Replica, out: Arranged) -> Ranker | None:
    """The ranker that can rank now, if one; what should and cannot is named."""
    if chosen.refused:
        out.left_out(f"model:{chosen.refused}")
    if chosen.ranker is not None and replica.warming is not None:
        out.left_out("warming:model")
        return None
    return chosen.ranker


def best_rows(scored: Scored) -> NDArray[np.int64]:
    """Which candidates a ranker orders: rows int64[at most RERANKED], the best first."""
    return np.asarray(top(scored.scores, scored.items, RERANKED))


def read(
    ranker: Ranker, items: NDArray[np.int64], rows: NDArray[np.int64], x: NDArray[np.float32],
    own: NDArray[np.float64],
) -> Read:  # fmt: skip
    """What a ranker read of those of the items int64[n] that stand at rows int64[k]: x
    float32[k, columns], own float64[k]."""
    place = np.full(len(items), -1)
    place[rows] = np.arange(len(rows))
    names = ranker.model.names(ranker.columns.names) + ((OWN,) if ranker.on_top else ())
    return Read(items, x, np.ones(len(names)), names, ranker.model, place, log_odds(own))


@numba.njit(cache=True, nogil=True)
def probabilities(given):  # type: ignore[no-untyped-def]
    """A softmax of log-odds float64[k]; of what is hopeless, as little as can be told apart."""
    odds = np.exp(np.maximum(given - given.max(), -FAINT))
    return odds / odds.sum()


@numba.njit(cache=True, nogil=True)
def reranked(scores, rows, given):  # type: ignore[no-untyped-def]
    """The scores of all candidates when those at rows int64[k] are ordered by float64[k].

    Of those the probabilities of a softmax, as a learned blend gives them, so that a boost
    multiplies; of the others, whose scores float64[n] are above zero, less than of any of those.
    """
    out = scores.copy()
    out[rows] = 0.0
    best = 0.0
    for r in range(len(out)):
        best = max(best, out[r])
    odds = probabilities(given)
    if best > 0.0:
        out *= 0.5 * odds.min() / best
    out[rows] = odds
    return out


@dataclass(slots=True)
class Read(Weighed):
    """What a ranker read of each candidate, as `Weighed`: terms float32[k, columns] of those it
    ordered, own float64[k], the log-odds of the surface's own score, which is the last of the
    names where it counts; place: int64[n], the row there of each candidate, -1 of one it did not
    look at. What a column adds is worked out when somebody asks."""

    model: Model
    place: NDArray[np.int64]
    own: NDArray[np.float64]

    def of(self, rows: NDArray[np.int64]) -> Read:
        there = rows >= 0
        place = np.where(there, self.place[rows], -1)
        known = place >= 0
        x, at = self.terms[place[known]], np.full(len(rows), -1)
        at[known] = np.arange(len(x))
        items, own = np.where(there, self.items[rows], -1), self.own[place[known]]
        return replace(self, items=items, terms=x, place=at, own=own)

    def added(self) -> list[list[float]]:
        out = np.zeros((len(self.items), len(self.names)))
        known = self.place >= 0
        x = self.terms[self.place[known]].astype(np.float32, copy=False)
        if len(x):
            parts = self.model.added(x)
            out[known, : parts.shape[1]] = parts
            out[known, parts.shape[1] :] = self.own[self.place[known]][:, None]
        made: list[list[float]] = out.tolist()
        return made
