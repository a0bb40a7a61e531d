"""What sources beside the scans gave, as terms."""

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
from afresh.rank.blend import Scored, blend
from afresh.rank.softmax import FIRST, Softmax
from afresh.rank.terms import OWN, SHARED, TERMS, terms
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


def known(state: State, scored: Scored, sources: list[tuple[str, float]]) -> list[dict[str, float]]:
    """The terms of each candidate by name, where no scan found any."""
    scanned = Scanned(
        scored.items[:0], np.empty((0, len(SCANS))), np.zeros(len(SCANS)), np.empty(0)
    )
    context = Context(scored.items[:0], scored.items[:0], NOW + 1)
    declared = beside(sources)
    told = None if declared is None else declared.of(scored)
    x = terms(state, context, scanned, scored.items, np.full(len(scored.items), -1), told)
    names = SHARED if told is None else TERMS
    return [dict(zip(names, row.tolist(), strict=True)) for row in x]


GIVEN = st.tuples(
    st.sampled_from([*BESIDE, "trending"]),
    st.sampled_from([0.0, 0.3, 2.0]),
    st.dictionaries(st.integers(0, 9), st.floats(0.01, 1.0), max_size=10),
)


@settings(max_examples=60)
@given(st.lists(GIVEN, min_size=1, max_size=5))
def test_terms_are_what_the_first_source_of_a_name_gave(
    said: list[tuple[str, float, dict[int, float]]],
) -> None:
    state, space = state_of(10), Workspace()
    space.fit(state)
    sources = [(name, weight) for name, weight, _ in said]
    scored = blend([candidates(s) for *_, s in said], [w for _, w in sources], space)
    first: dict[str, dict[int, float]] = {}
    for name, weight, scores in said:
        if name in BESIDE and weight > 0:
            first.setdefault(name, scores)
    for item, row in zip(scored.items.tolist(), known(state, scored, sources), strict=True):
        assert (set(row) == set(TERMS)) is bool(first)
        for name in ("preference", "text"):
            assert row.get(name, 0.0) == pytest.approx(first.get(name, {}).get(item, 0.0))
        again = first.get("repeats", {})
        rate = again.get(item, 0.0)
        assert row.get("repeats", 0.0) == pytest.approx(rate / max(again.values(), default=1.0))
        assert row.get("repeats a month", 0.0) == pytest.approx(math.log1p(30 * rate) / 2)


def test_of_repeats_the_logarithm_tells_as_well_and_what_is_shared_is_the_same_without() -> None:
    state, space = state_of(2), Workspace()
    space.fit(state)
    scored = blend([candidates({0: 0.2, 1: 0.1})], [3.0], space)
    rows, without = known(state, scored, [("repeats", 3.0)]), known(state, scored, [("rules", 3.0)])
    assert rows[1]["log repeats"] == pytest.approx(math.log(0.51) / 4.6 + 1)
    assert [{n: row[n] for n in SHARED} for row in rows] == without


def test_a_list_that_tells_less_is_scored_and_learned_by_what_it_tells() -> None:
    model = Softmax()
    x = np.random.default_rng(1).random((5, len(SHARED)))
    before = model.weights.copy()
    assert model.score(x).sum() == pytest.approx(1.0)
    assert model.learn(x, 2, 1, NOW)
    moved = dict(zip(TERMS, (model.weights != before).tolist(), strict=True))
    assert not any(moved[name] for name in OWN)
    assert all(moved[name] for name in SHARED)


def test_a_record_of_before_these_terms_is_read_and_they_begin_as_always() -> None:
    model = Softmax()
    model.weights += 0.5
    record = model.to_record()
    record["terms"] = {name: t for name, t in record["terms"].items() if name not in OWN}
    again = Softmax.from_record(record)
    for name in OWN:
        assert again.weights[TERMS.index(name)] == FIRST.get(name, 0.0)
    assert again.weights[0] == model.weights[0]
