"""What sources beside the scans gave, as columns and as terms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.batches import batch_of
from tests.model import Event

from afresh import App
from afresh.features.engines.embedded import State
from afresh.rank.beside import BESIDE, beside
from afresh.rank.softmax import FIRST, Softmax
from afresh.rank.terms import OWN, TERMS, terms
from afresh.retrieve import Candidates, Context, Workspace
from afresh.retrieve.scans import SCANS, Scanned

SHOP = App("shop")
SHOP.event("view")
PLAN = SHOP.plan()
NOW = 1_700_000_000_000


def state_of(items: int) -> State:
    state = State(PLAN)
    state.fold(batch_of(PLAN, [Event(f"{n}", "view", NOW, "u", f"i{n}") for n in range(items)]))
    return state


def candidates(scores: dict[int, float]) -> Candidates:
    return Candidates(np.array(list(scores), np.int64), np.array(list(scores.values()), np.float64))


GIVEN = st.tuples(
    st.sampled_from([*BESIDE, "trending"]),
    st.dictionaries(st.integers(0, 9), st.floats(0.01, 1.0), max_size=10),
)


@settings(max_examples=60)
@given(st.lists(GIVEN, max_size=5), st.lists(st.integers(0, 9), unique=True))
def test_a_column_has_the_greatest_score_of_the_sources_of_its_name(
    said: list[tuple[str, dict[int, float]]], items: list[int]
) -> None:
    space = Workspace()
    space.fit(state_of(10))
    names, found = [name for name, _ in said], [candidates(scores) for _, scores in said]
    columns = beside(names, found, np.array(items, np.int64), space)
    assert columns.tolist() == [
        [max((s.get(x, 0.0) for n, s in said if n == name), default=0.0) for name in BESIDE]
        for x in items
    ]
    assert (space.row == -1).all()


def test_terms_of_own_repeats_and_of_cosines() -> None:
    state, nothing = state_of(2), np.zeros((2, len(SCANS)))
    items = state.find("item_id", ["i0", "i1"])
    scanned = Scanned(items, nothing, np.zeros(len(SCANS)), np.zeros(2))
    context, at = Context(items[:0], items[:0], NOW + 1), np.arange(2)
    known = np.array([[0.2, 0.7, 0.4], [0.1, 0.0, 0.0]])
    x = terms(state, context, scanned, items, at, known)
    rows = [dict(zip(TERMS, row.tolist(), strict=True)) for row in x]
    assert [row["repeats"] for row in rows] == [1.0, 0.5]
    assert rows[1]["log repeats"] == pytest.approx(math.log(0.51) / 4.6 + 1)
    assert rows[0]["repeats a month"] == pytest.approx(math.log(7) / 2)
    assert [(row["preference"], row["text"]) for row in rows] == [(0.7, 0.4), (0.0, 0.0)]
    without = terms(state, context, scanned)
    own = [TERMS.index(name) for name in OWN]
    assert without[:, own] == pytest.approx(0, abs=0.002)
    others = [t for t in range(len(TERMS)) if t not in own]
    assert np.array_equal(without[:, others], x[:, others])


def test_a_record_of_before_these_terms_is_read_and_they_begin_as_always() -> None:
    model = Softmax()
    model.weights += 0.5
    record = model.to_record()
    record["terms"] = {name: t for name, t in record["terms"].items() if name not in OWN}
    again = Softmax.from_record(record)
    for name in OWN:
        assert again.weights[TERMS.index(name)] == FIRST.get(name, 0.0)
    assert again.weights[0] == model.weights[0]
