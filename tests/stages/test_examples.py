"""Examples: the learner learns from the candidates that requests have."""

from __future__ import annotations

import numpy as np
from tests.batches import batch_of
from tests.model import Event

from afresh import App, neighbours, repeats, text, trending
from afresh.learner import Action, Learner
from afresh.rank.terms import TERMS
from afresh.retrieve.context import context_of
from afresh.store.replica import Replica
from afresh.surface import Query, Surfaces

DAY_MS = 86_400_000
START = 20_000 * DAY_MS


def shop() -> App:
    app = App("examples")
    app.event("buy")
    app.surface("again", sources=[neighbours(), repeats()], filters=[], scorer="learned")
    app.surface("same", sources=["neighbours", "repeats"], filters=[], scorer="learned")
    app.surface("plain", sources=[trending("1h"), text()], filters=[])
    return app


def opened() -> tuple[Replica, Surfaces]:
    """Ten people who buy milk and one thing of their own every four days."""
    app = shop()
    replica = Replica(app.plan())
    events = [
        Event(f"{u}-{day}-{item}", "buy", START + day * DAY_MS + u, f"u{u}", item)
        for day in (0, 4, 8)
        for u in range(10)
        for item in ("milk", f"own{u}")
    ]
    replica.fold_events(batch_of(app.plan(), events), len(events))
    return replica, Surfaces(app.surfaces, replica)


def test_sources_of_learned_surfaces_that_have_terms_are_asked_once_each() -> None:
    _, surfaces = opened()
    assert [source.name for source in surfaces.examples.declared] == ["neighbours", "repeats"]


def test_an_example_has_what_only_own_repeats_find_and_knows_how_due_it_is() -> None:
    replica, surfaces = opened()
    state = replica.state
    items, x = surfaces.examples(context_of(state, "u3", None, START + 12 * DAY_MS))
    at = items.tolist().index(state.items.find_one("own3"))
    row = dict(zip(TERMS, x[at].tolist(), strict=True))
    assert row["repeats"] > 0.9
    assert all(row[name] == 0 for name in ("sessions", "next item", "two hops by rules"))


def test_an_example_says_of_a_candidate_what_a_request_is_told() -> None:
    replica, surfaces = opened()
    now = START + 12 * DAY_MS
    items, x = surfaces.examples(context_of(replica.state, "u3", None, now))
    asked = surfaces.recommend(Query(surface="again", user_id="u3"), now).weighed
    assert asked is not None
    assert asked.items.tolist() == items.tolist()
    assert np.array_equal(asked.terms, x)


def test_who_takes_things_again_teaches_that_people_do() -> None:
    replica, surfaces = opened()
    learner = Learner(replica, surfaces.examples, lambda record: None, per_second=0)
    before = learner.model.weights.copy()
    learned = [
        learner.learn(Action(f"u{u}", "", f"own{u}", START + 12 * DAY_MS)) for u in range(10)
    ]
    assert all(learned)
    at = TERMS.index("repeats")
    assert learner.model.weights[at] > before[at]
