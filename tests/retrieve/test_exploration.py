"""Exploration: who is new, and slots whose propensities are true."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.everything import app
from tests.model import Event

from afresh.retrieve import Candidates
from afresh.retrieve.exploration import REFRESH_MS, Newcomers, explore, first_chances
from afresh.store.replica import Replica

PLAN = app.plan()
START = 20_000 * 86_400_000


def shop(n: int, touched: dict[int, int]) -> Replica:
    """n items, of which some have so many views."""
    replica = Replica(PLAN)
    lines = [f'{{"item_id":"i{k}"}}'.encode() for k in range(n)]
    replica.fold_items(b"\n".join(lines), 1)
    events = [
        Event(f"{k}.{m}", "view", START + m, "u", f"i{k}") for k, m_ in touched.items()
        for m in range(m_)
    ]  # fmt: skip
    if events:
        replica.fold_events(batch_of(PLAN, events), 2)
    return replica


def pool(replica: Replica, newcomers: Newcomers, now: int) -> list[str]:
    return replica.state.items.texts(newcomers.pool(now).items)


def test_the_pool_is_what_few_touched_the_newest_first() -> None:
    replica = shop(8, {7: 1, 6: 2, 5: 1, 0: 3})
    now = START + 10
    assert pool(replica, Newcomers(replica, size=6), now) == ["i4", "i3", "i2", "i1", "i7", "i5"]
    assert Newcomers(replica, size=6).pool(now).scores.tolist() == [1, 1, 1, 1, 0.5, 0.5]
    assert len(pool(replica, Newcomers(replica, size=8), now)) == 8


def test_what_is_touched_or_deleted_leaves_at_once_and_new_ones_come_with_the_walk() -> None:
    replica = shop(4, {})
    newcomers, now = Newcomers(replica), START
    assert pool(replica, newcomers, now) == ["i3", "i2", "i1", "i0"]
    replica.fold_events(batch_of(PLAN, [Event("a", "view", START, "u", "i3")]), 3)
    replica.fold_items(b'{"item_id":"i1","deleted":true}\n{"item_id":"i9"}', 4)
    assert pool(replica, newcomers, now + REFRESH_MS) == ["i2", "i0"]
    assert pool(replica, newcomers, now + REFRESH_MS + 1) == ["i9", "i2", "i0", "i3"]


def made(n: int) -> Candidates:
    return Candidates(np.arange(100, 100 + n), np.linspace(1, 0.5, n))


@given(st.integers(0, 6), st.integers(0, 8), st.integers(0, 2**63), st.floats(0, 1))
def test_items_are_of_the_pool_and_stand_once(
    n: int, slots: int, seed: int, epsilon: float
) -> None:
    source = made(n)
    found = explore(source.items, slots, seed, epsilon=epsilon)
    again = explore(source.items, slots, seed, epsilon=epsilon)
    assert len(found.items) == len(found.propensities) == min(n, slots)
    assert len(set(found.items.tolist())) == len(found.items)
    assert set(found.items.tolist()) <= set(source.items.tolist())
    assert ((found.propensities > 0) & (found.propensities <= 1 + 1e-12)).all()
    assert again.items.tolist() == found.items.tolist()
    assert source.items.tolist() == made(n).items.tolist()


def test_without_epsilon_it_is_the_pool_in_order() -> None:
    found = explore(made(5).items, 3, 1, epsilon=0.0)
    assert found.items.tolist() == [100, 101, 102]
    assert found.propensities.tolist() == [1.0, 1.0, 1.0]


def test_propensities_are_the_frequencies() -> None:
    rounds, epsilon = 20_000, 0.4
    source = made(4)
    seen: Counter[tuple[int, ...]] = Counter()
    said: dict[tuple[int, ...], float] = {}
    for seed in range(rounds):
        found = explore(source.items, 2, seed, epsilon=epsilon)
        row = tuple(found.items.tolist())
        seen[row] += 1
        said.setdefault(row, float(np.prod(found.propensities)))
        assert said[row] == pytest.approx(float(np.prod(found.propensities)))
    assert len(said) == 12
    assert sum(said.values()) == pytest.approx(1.0)
    for row, propensity in said.items():
        wide = 5 * np.sqrt(propensity * (1 - propensity) / rounds)
        assert seen[row] / rounds == pytest.approx(propensity, abs=wide)


def test_the_chances_of_the_first_slot_are_those_it_says() -> None:
    for n in (1, 2, 7):
        odds = first_chances(n)
        assert odds.sum() == pytest.approx(1)
        for seed in range(100):
            drawn = explore(np.arange(n), 2, seed)
            assert drawn.propensities[0] == odds[drawn.items[0]]
