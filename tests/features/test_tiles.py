"""Tiles under pressure: one hot key, numbers at their bounds, what has died."""

from __future__ import annotations

import random

import numpy as np
from tests.batches import batch_of
from tests.everything import app
from tests.model import Event, Model

from afresh.features.canonical import canonical
from afresh.features.engines.embedded import State
from afresh.features.plan import DAY_MS
from afresh.features.reading import Reader

PLAN = app.plan()
START, MOST = 20_000 * DAY_MS, 2**31 - 1


def test_one_hot_key_late_and_on_time() -> None:
    r = random.Random(3)
    events = [
        Event(f"e{n}", "view", START + r.randrange(2 * DAY_MS), "u", "i", "s", {"price": n - 500})
        for n in range(1000)
    ]
    state = State(PLAN)
    for at in range(0, 1000, 90):
        state.fold(batch_of(PLAN, events[at : at + 90]))
    assert canonical(state) == Model(PLAN, events).canonical()


def test_sums_of_greatest_numbers_are_exact() -> None:
    signs = [1, 1, 1, -1]
    events = [
        Event(f"e{n}", "buy", START + n, "u", "i", "s", {"price": s * MOST, "value": s * MOST})
        for n, s in enumerate(signs * 25)
    ]
    state = State(PLAN)
    state.fold(batch_of(PLAN, events))
    assert canonical(state) == Model(PLAN, events).canonical()
    feature = Reader(state).feature("hour")
    row = Reader(state).values("item_id", ["i"], [feature], START + 100)[0]
    assert row["hour"] == np.float32(50 * MOST / 100)


def test_an_event_is_dropped_only_when_its_tile_is_dead() -> None:
    family = next(f for f in PLAN.families if f.key == "item_id" and f.width == 60_000)
    newest = Event("n", "view", START, "u", "i")
    edge = START - family.reach
    for ts, alive in ((edge - 1, False), (edge, True), (edge + 1, True)):
        old = Event("o", "view", ts, "u", "i")
        state = State(PLAN)
        state.fold(batch_of(PLAN, [newest]))
        state.fold(batch_of(PLAN, [old]))
        tiles = int(state.tiles[PLAN.families.index(family)].blocks.heads[0, 1])
        assert (tiles == 2) is alive
        assert canonical(state) == Model(PLAN, [old, newest]).canonical()
