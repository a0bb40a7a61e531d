"""The real-time preference: where a person's latest actions point, and what lies there.

A decayed, action-weighted mean of item vectors over the events of the party's sequences, as
they stand: the very last event counts. What has a negative weight (a skip, a dislike)
pushes the mean away from its item.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.errors import NotFound
from afresh.features.engines.embedded import State
from afresh.features.plan import Plan
from afresh.features.sequences import living
from afresh.problems import suggest
from afresh.retrieve import Candidates, Context, without
from afresh.vectors import Vectors
from afresh.vectors.behaviour import BehaviourVectors
from afresh.vectors.items import ItemVectors

HALF_LIFE = 86_400_000
"""ms after which an action counts half."""
NEIGHBOURS = 200

Placed = ItemVectors | BehaviourVectors


def action_weights(plan: Plan, said: Mapping[str, float] | None = None) -> NDArray[np.float64]:
    """float64[256] by type code: the plan's weights, replaced where something else is said.

    A type without a weight in the plan is in no history; a `last` over it, keyed by user_id or
    session_id, keeps its events, and a negative weight here makes them push away. Raises
    NotFound for a type that is not declared.
    """
    weights = np.zeros(256)
    weights[: len(plan.events)] = [event.weight for event in plan.events]
    codes = {event.name: code for code, event in enumerate(plan.events)}
    for name, weight in (said or {}).items():
        if name not in codes:
            raise NotFound(f"There is no event type {name!r} to weigh.", hint=suggest(name, codes))
        weights[codes[name]] = weight
    return weights


def acted(
    state: State, context: Context, weights: NDArray[np.float64], half_life: int = HALF_LIFE
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """What the party touched before `now`: items int64[k], ascending, and what each weighs.

    Ages are counted from the newest event: a common factor turns no vector, and none of
    them vanishes after a long absence.
    """
    facts, keyed = state.facts, zip(state.plan.sequences, state.sequences, strict=True)
    lists = [state.sessions, *(k for s, k in keyed if s.key in ("user_id", "session_id"))]
    found: tuple[NDArray[np.int64], NDArray[np.float64]] = _acted(
        tuple([each.kept for each in lists]), context.sessions, context.unlisted, state.newest,
        facts.ts, facts.kind, facts.item, context.now, weights, half_life,
    )  # fmt: skip
    return found


@numba.njit(cache=True, nogil=True)
def _acted(lists, parties, told, newest, ts, kind, item, now, weights, half_life):  # type: ignore[no-untyped-def]
    """`acted` over the facts before `now` that the lists of parties int64[n] hold, and those that
    only the request knows of, told int64[m]; one may be in several."""
    size = len(told)
    for kept in lists:
        for party in parties:
            size += len(living(kept, party, newest, ts))
    rows, used = np.empty(size, np.int64), len(told)
    rows[:used] = told
    for kept in lists:
        for party in parties:
            for row in living(kept, party, newest, ts):
                rows[used] = row
                used += ts[row] < now
    rows = np.sort(rows[:used])
    kept, newest = 0, np.int64(0)
    for at in range(len(rows)):
        row = rows[at]
        again = kept > 0 and rows[kept - 1] == row
        if not again and weights[kind[row]] != 0:
            rows[kept] = row
            newest = max(newest, ts[row])
            kept += 1
    rows = rows[:kept]
    rows = rows[np.argsort(item[rows], kind="mergesort")]
    items, pull = np.empty(kept, np.int64), np.zeros(kept)
    used = 0
    for row in rows:
        if used == 0 or items[used - 1] != item[row]:
            items[used] = item[row]
            used += 1
        pull[used - 1] += weights[kind[row]] * 2.0 ** ((ts[row] - newest) / half_life)
    return items[:used], pull[:used]


def taste(
    items: NDArray[np.int64], weights: NDArray[np.float64], vectors: Placed
) -> Vectors | None:
    """The weighted mean's direction, float32[dims]; None where nothing attracts.

    Dislikes alone point nowhere: the opposite of a thing is not a thing to like.
    """
    known, rows = vectors.of(items)
    direction, length = _direction(rows, weights[known])
    return np.asarray(direction) if length > 1e-6 else None


@numba.njit(cache=True, nogil=True)
def _direction(rows, weights):  # type: ignore[no-untyped-def]
    """The mean of rows float32[n, dims] with weights float64[n]: its direction, float32[dims], and
    its length, 0 where no weight is above zero."""
    mean, total, attracted = np.zeros(rows.shape[1]), 0.0, False
    for r in range(len(rows)):
        total += abs(weights[r])
        attracted |= weights[r] > 0
        for d in range(rows.shape[1]):
            mean[d] += weights[r] * rows[r, d]
    direction = np.zeros(rows.shape[1], np.float32)
    if not attracted:
        return direction, 0.0
    mean /= total
    length = math.sqrt(np.sum(mean * mean))
    if length > 0.0:
        direction[:] = mean / length
    return direction, length


def preference(
    state: State,
    context: Context,
    vectors: ItemVectors,
    *,
    weights: NDArray[np.float64] | None = None,
    half_life: int = HALF_LIFE,
    n: int = NEIGHBOURS,
) -> Candidates:
    """The n items nearest to the party's taste; scores are cosines.

    Items of the context, and those that push away on balance, are left out.
    """
    weights = action_weights(state.plan) if weights is None else weights
    items, pull = acted(state, context, weights, half_life)
    return nearest(items, pull, context, vectors, n)


def nearest(
    items: NDArray[np.int64], pull: NDArray[np.float64], context: Context, vectors: Placed, n: int
) -> Candidates:
    """The n items nearest to where others pull, int64[k] and float64[k], as `preference` has it."""
    vector = taste(items, pull, vectors)
    if vector is None:
        return Candidates()
    gone = np.concatenate([context.items, items[pull < 0]])
    found = vectors.near(vector, n + len(gone))
    return Candidates(*without(found.items, found.scores, gone, n))
