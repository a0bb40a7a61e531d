"""A copy of the store takes over that never heard of the last of what was acknowledged."""

from __future__ import annotations

import numpy as np
import pytest
from tests.failing_over import FailingOver
from tests.opened import Opened, event, post, put
from tests.store.test_writing import same, waited

import afresh.store.writing
from afresh.features.touched import Touched
from afresh.runtime import Runtime
from afresh.store.stored import Stored
from afresh.store.value import keys_of
from afresh.store.writing import Writing

PREFIX = "shop"
NAMES = [f"{letter}{at}" for letter in "uis" for at in range(9)] + ["red", "shoes"]


@pytest.fixture(autouse=True)
def _small_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(afresh.store.writing, "AT_ONCE", 1)


@pytest.mark.parametrize("lost", [1, 5])
@pytest.mark.parametrize("at", [3, 8, 13, 21, 30])
def test_all_is_in_the_copy(opened: Opened, at: int, lost: int) -> None:
    runtime = opened()
    visits(runtime, range(4))  # of which the first fill is made
    store = FailingOver(at, lost)
    writing = Writing(runtime.replica, runtime.log, store, PREFIX)
    writing.start()
    try:
        assert waited(lambda: written(writing))
        for first in (2, 5):
            visits(runtime, range(first, first + 3))
            assert waited(lambda: written(writing))
        assert store.over
        entities = dict.fromkeys(keys_of(runtime.plan), NAMES)
        same(runtime, Stored(runtime.plan, store, PREFIX), entities)
    finally:
        writing.close()


def visits(runtime: Runtime, who: range) -> None:
    """Two events of each of some people, on an item of each."""
    for at in who:
        put(runtime, f"i{at}", category="shoes", price=f"{at}.50")
    fields = {"price": 3, "brand": "red", "gift": True}
    said = post(
        runtime,
        *(
            event(user_id=f"u{at}", session_id=f"s{at}", item_id=f"i{at}", properties=fields)
            for at in (*who, *who)
        ),
    )
    assert said.accepted == 2 * len(who), said


def written(writing: Writing) -> bool:
    counts = writing.counts()
    return counts.ready and counts.behind == 0


def test_what_a_round_handed_out_is_had_again_by_its_new_numbers() -> None:
    touched = Touched(["item_id"])
    touched.note({"item_id": np.array([5, 2, 9, 2])})
    touched.begin()
    assert touched.next(2) is not None
    touched.renumber(["item_id"], np.array([-1, -1, 1, -1, -1, -1, -1, -1, -1, 0]))
    touched.again(10.0)
    found = touched.next(10)
    assert found is not None
    assert found[1].tolist() == [0, 1]  # 9 and 2; 5 was forgotten
    assert touched.next(10) is None
    touched.begin()
    touched.again(10.0)
    assert touched.next(10) is None
