"""Fitting: vectors of items from what stands near what in people's visits.

Factors of the items' mutual information (`cooccurrence.py`, `factors.py`), and a linear bridge from
the vectors of their texts, so that what nobody has touched has a place among them too: ridge
regression over the items that are known well. An item with few events stands between where its
visits and where its text put it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from afresh.errors import AfreshError
from afresh.store.replica import Replica
from afresh.vectors import Vectors
from afresh.vectors.cooccurrence import information
from afresh.vectors.factors import factors
from afresh.vectors.fitted import FittedVectors, unit
from afresh.vectors.items import ItemVectors

DIMS = 128
MOST = 2_000_000
"""Events that are looked at, the newest: 12 bytes for each of ten pairs."""
LEAST_ITEMS = 20
"""Items that must have stood near others."""
WELL_KNOWN = 20
"""Events from which on an item counts whole for the bridge."""
DOUBTED = 2.0
"""Events at which the visits of an item count as much as its text."""
RIDGE = 1.0


class Visits(NamedTuple):
    """Events, those of a visit together and in their order: visit, item int64[n]."""

    visit: NDArray[np.int64]
    item: NDArray[np.int64]


class Known(NamedTuple):
    """What a replica knew at a moment: ts int64[n], visit and item int32[n], of each event; ids: of
    the items, a text column; texts: as `fit` has them, by the encoder named."""

    ts: NDArray[np.int64]
    visit: NDArray[np.int32]
    item: NDArray[np.int32]
    ids: bytes
    texts: Vectors | None
    encoder: str


def known_now(replica: Replica, texts: ItemVectors | None, most: int = MOST) -> Known:
    """A copy of what is learned from: the newest `most` events of the types that weigh, and the
    vectors of the items' texts. The caller holds the lock."""
    state = replica.state
    facts, first = state.facts, max(state.facts.used - most, 0)
    weighs = np.zeros(256, np.bool_)
    weighs[: len(state.plan.events)] = [event.weight > 0 for event in state.plan.events]
    rows = np.flatnonzero(weighs[facts.kind[first : facts.used]]) + first
    numbers, vectors, encoder = np.arange(len(state.items)), None, ""
    if texts is not None and len(numbers):
        said, held = texts.of(numbers)
        vectors, encoder = np.zeros((len(numbers), held.shape[1]), np.float32), texts.encoder.name
        vectors[said] = held
    ids = state.items.column(numbers)
    return Known(facts.ts[rows], facts.session[rows], facts.item[rows], ids, vectors, encoder)


def fit(
    visits: Visits, ids: bytes, texts: Vectors | None = None, *, encoder: str = "", seed: int = 0
) -> FittedVectors:
    """Vectors of the items numbered in `visits`. ids: a text column of all of them; texts:
    float32[items, text dims], zero where a text says nothing; None: there are none.

    Raises AfreshError where too few items ever stood near another.
    """
    items = ids.count(b"\0") + 1
    seen = np.bincount(visits.item, minlength=items).astype(np.float64)
    rows = unit(factors(information(visits.visit, visits.item, items), DIMS, seed))
    known = np.linalg.norm(rows, axis=1) > 0.5
    if np.count_nonzero(known) < LEAST_ITEMS:
        raise AfreshError(
            f"Only {np.count_nonzero(known)} items stood near others in people's visits; vectors "
            f"need {LEAST_ITEMS}.",
            hint="Import more history, with a session_id or a user_id in its events.",
        )
    bridge = np.zeros((0, rows.shape[1]), np.float32)
    if texts is not None:
        said = np.asarray(texts.any(axis=1))
        if np.count_nonzero(known & said) >= LEAST_ITEMS:
            both = known & said
            bridge = _bridge(texts[both], rows[both], np.minimum(seen[both] / WELL_KNOWN, 1.0))
            across = FittedVectors("", b"", rows, bridge, encoder).bridged(texts)
            trust = (seen / (seen + DOUBTED)).astype(np.float32)[:, None]
            rows[said] = unit(trust * rows + (1 - trust) * across)[said]
            known = np.linalg.norm(rows, axis=1) > 0.5
    names = np.array(ids.split(b"\0"), object)[known]
    return FittedVectors("", b"\0".join(names.tolist()), rows[known], bridge, encoder)


def _bridge(texts: Vectors, rows: Vectors, weights: NDArray[np.float64]) -> Vectors:
    """Weighed ridge regression of rows float32[n, dims] on texts float32[n, t] and a constant."""
    x = np.concatenate([texts, np.ones((len(texts), 1), np.float32)], axis=1).astype(np.float64)
    weighed = x * weights[:, None]
    squares = weighed.T @ x + RIDGE * np.eye(x.shape[1])
    return np.linalg.solve(squares, weighed.T @ rows).astype(np.float32)


def fit_known(known: Known, *, seed: int = 0) -> FittedVectors:
    """Vectors of what a replica knew. Raises as `fit`."""
    order = np.lexsort((known.ts, known.visit))
    visits = Visits(known.visit[order].astype(np.int64), known.item[order].astype(np.int64))
    return fit(visits, known.ids, known.texts, encoder=known.encoder, seed=seed)
