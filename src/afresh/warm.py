"""Warming: every kernel a request needs, run once before the first one comes.

Kernels are compiled at first use, which takes about a minute on a new machine, and kept on
disk; loading them from there takes half a second. Neither should be the first visitor's wait.
"""

from __future__ import annotations

import msgspec
import numpy as np

from afresh.events.admission import Admission
from afresh.events.batch import EventBatch
from afresh.events.columnar import Columnar
from afresh.events.decode import EventDecoder
from afresh.features.plan import Plan
from afresh.rank.softmax import Softmax
from afresh.rank.terms import TERMS
from afresh.rank.trees import no_trees
from afresh.retrieve import Context
from afresh.retrieve.exploration import drawn
from afresh.retrieve.rules import item_context, rules
from afresh.retrieve.thompson import chances
from afresh.stages.reranking import reranked
from afresh.store.replica import Replica
from afresh.surface import Query, Surfaces
from afresh.surfaces.spec import Surface
from afresh.vectors.behaviour import BehaviourVectors
from afresh.vectors.fitting import LEAST_ITEMS, Visits, fit

_TS = 1_700_000_000_000


def warm(plan: Plan, surfaces: tuple[Surface, ...]) -> None:
    """Send a few made-up events and requests through a state of their own."""
    replica = Replica(plan)
    admission = Admission(replica.catalog)
    replica.fold_items(msgspec.json.encode({"item_id": "a"}), 0)
    for ids in (("e1", "e2"), ("e" * 40, "e" * 41)):
        batch = admission.admit(_events(plan, ids), _TS).batch
        replica.fold_events(batch, 0)
    replica.sweep()
    now = _TS + 1
    for feature in plan.features:
        replica.reader.values(feature.key, ["a"], [feature], now)
    answers = Surfaces(surfaces, replica)
    for _ in range(2):  # the second time what stood until an event is looked at again
        for surface in surfaces:
            answers.recommend(Query(surface=surface.name, user_id="a", session_id="a"), now)
        replica.fold_events(admission.admit(_events(plan, ("f1",)), _TS).batch, 0)
    if any(surface.scorer == "learned" for surface in surfaces):
        context = Context(np.zeros(1, np.int64), np.empty(0, np.int64), now)
        answers.examples(context)
        Softmax().learn(np.zeros((1, len(TERMS))), 0, 0, _TS)
    rules(replica.state, item_context(0, now), answers.sources.space)
    if any(surface.explore.shown for surface in surfaces):
        drawn(np.zeros(1, np.int64), chances(np.zeros(1), np.zeros(1)), 1, 0)
    if any(surface.embedded for surface in surfaces):
        _warm_vectors(answers)
    _warm_rankers()


def _warm_vectors(answers: Surfaces) -> None:
    """Fitting begins while requests are answered; compiling would hold them up."""
    visit, item = np.zeros(LEAST_ITEMS, np.int64), np.arange(LEAST_ITEMS)
    ids = "\0".join(map(str, range(LEAST_ITEMS))).encode()
    made = BehaviourVectors(answers.replica, fit(Visits(visit, item), ids), None)
    made.refresh(1)
    made.near(made.fitted.rows[0], 1)


def _warm_rankers() -> None:
    """A model may be promoted at any time; the first request that it ranks should not wait."""
    trees, x = no_trees(), np.zeros((1, 1), np.float32)
    trees.added(x)
    reranked(np.ones(2), np.zeros(1, np.int64), trees(x))


def _events(plan: Plan, ids: tuple[str, ...]) -> EventBatch:
    """One event of each type for each id, at one moment, of two visitors."""
    bodies = [
        {
            "event_id": f"{event_id}{code}",
            "event_type": event.name,
            "timestamp": _TS,
            "user_id": "a",
            "session_id": event_id[-3:],
            "item_id": event_id[-2:],
        }
        for event_id in ids
        for code, event in enumerate(plan.events)
        if all(field.optional for field in event.fields)
    ]
    decoded = EventDecoder(plan.accepted).decode(msgspec.json.encode(bodies))
    return Columnar(plan.accepted).columns(decoded.events).batch
