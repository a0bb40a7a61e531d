"""Text neighbours: alike items first, nothing twice, nothing of the context."""

from __future__ import annotations

import numpy as np
import pytest
from tests.retrieve.test_preference import ENCODER, TEXTS, asked, named, opened

from afresh.retrieve.text import alike, text_neighbours


def test_an_item_nobody_has_seen_has_neighbours() -> None:
    replica, vectors = opened([])
    replica.fold_items(b'{"item_id":"new","category":"tomato soup with basil"}', 9)
    number = replica.state.items.find_one("new")
    vectors.changed(np.array([number]))
    found = alike(number, vectors)
    assert set(named(replica, found.items)[:2]) == {"i2", "i3"}
    assert number not in found.items
    soup = alike(replica.state.items.find_one("i2"), vectors)
    assert "new" in named(replica, soup.items)[:2]


def test_scores_are_the_greatest_discounted_cosine() -> None:
    replica, vectors = opened([])
    rows = dict(zip(TEXTS, ENCODER.encode(list(TEXTS.values())), strict=True))
    found = text_neighbours(asked(replica, 1, items=("i0", "i2", "i4")), vectors, latest=2)
    right = {}
    for item in ("i1", "i3", "i5"):
        score = max(float(rows["i0"] @ rows[item]), float(rows["i2"] @ rows[item]) / 2)
        if score > 0:
            right[item] = score
    got = dict(zip(named(replica, found.items), found.scores.tolist(), strict=True))
    assert got == pytest.approx(right, abs=1e-5)
    assert len(text_neighbours(asked(replica, 1, items=("i0",)), vectors, n=1).items) == 1


def test_nothing_looked_at_and_nothing_known_find_nothing() -> None:
    replica, vectors = opened([])
    assert not len(text_neighbours(asked(replica, 1), vectors).items)
    assert not len(alike(-1, vectors).items)
    assert not len(alike(10**6, vectors).items)
