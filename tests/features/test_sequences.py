"""Lists keep their newest, whatever comes late, and forget by age."""

from __future__ import annotations

import random

import pytest
from tests.batches import batch_of
from tests.everything import app
from tests.model import Event

from afresh.features.engines.embedded import State
from afresh.features.plan import DAY_MS

PLAN = app.plan()
START, WITHIN = 20_000 * DAY_MS, PLAN.postings.within


def ids(state: State) -> list[str]:
    rows = state.postings.rows(state.facts, 0, state.newest)
    return [state.facts.event_id(int(row)) for row in rows]


@pytest.mark.parametrize("seed", range(5))
def test_the_newest_stay_in_total_order(seed: int) -> None:
    r, state = random.Random(seed), State(PLAN)
    times = [START + r.randrange(40) for _ in range(200)]
    events = [Event(f"{n:03}", "view", ts, "u", "i", "s") for n, ts in enumerate(times)]
    for n, event in enumerate(events):
        state.fold(batch_of(PLAN, [event]))
        wanted = sorted(events[: n + 1], key=lambda e: e.order)[-PLAN.postings.per_item :]
        assert ids(state) == [e.id for e in wanted]


@pytest.mark.parametrize(("age", "alive"), [(WITHIN - 1, True), (WITHIN, False)])
def test_what_is_older_than_within_is_gone(age: int, alive: bool) -> None:
    old, new = Event("o", "view", START - age, "u", "i"), Event("n", "view", START, "u", "i")
    for order in ([old, new], [new, old]):
        state = State(PLAN)
        for event in order:
            state.fold(batch_of(PLAN, [event]))
        assert ids(state) == (["o", "n"] if alive else ["n"])
