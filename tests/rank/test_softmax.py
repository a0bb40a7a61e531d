"""The softmax blend: its gradient, what it learns, what it refuses to learn, its record."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from afresh.errors import CorruptData
from afresh.rank.softmax import DAY_MS, Rates, Softmax, gradient, probabilities

NAMES = ("a", "b", "c")
NUMBERS = st.floats(-3, 3)
LISTS = st.integers(1, 6).flatmap(lambda n: arrays(np.float64, (n, 3), elements=NUMBERS))
WEIGHTS = arrays(np.float64, 3, elements=NUMBERS)


def fresh(**rates: float) -> Softmax:
    return Softmax(np.zeros(3), names=NAMES, rates=Rates()._replace(**rates))


def planted(n: int, seed: int = 5) -> list[tuple[np.ndarray, int]]:
    """Lists of ten whose choices were drawn with weights 2, −1, 0."""
    rng = np.random.default_rng(seed)
    lists = rng.random((n, 10, 3))
    noise = rng.gumbel(size=(n, 10))
    chosen = np.argmax(lists @ [2.0, -1.0, 0.0] + noise, axis=1)
    return list(zip(lists, chosen.tolist(), strict=True))


@given(LISTS, WEIGHTS)
def test_probabilities_sum_to_one_and_rank_as_the_scores(x: np.ndarray, w: np.ndarray) -> None:
    p = probabilities(x, w)
    assert p.sum() == pytest.approx(1.0)
    scores = x @ w
    assert p == pytest.approx(np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum())


@settings(max_examples=60)
@given(LISTS, WEIGHTS, WEIGHTS, st.sampled_from([0.0, 0.3]), st.data())
def test_the_gradient_is_that_of_finite_differences(
    x: np.ndarray, w: np.ndarray, start: np.ndarray, l2: float, data: st.DataObject
) -> None:
    chosen = data.draw(st.integers(0, len(x) - 1))

    def loss(weights: np.ndarray) -> float:
        scores = x @ weights
        log_sum = np.log(np.exp(scores - scores.max()).sum()) + scores.max()
        return float(log_sum - scores[chosen] + l2 / 2 * ((weights - start) ** 2).sum())

    step = 1e-5
    slopes = [(loss(w + step * e) - loss(w - step * e)) / (2 * step) for e in np.eye(3)]
    assert gradient(x, chosen, w, start, l2) == pytest.approx(slopes, abs=1e-6)


def test_it_finds_a_planted_signal() -> None:
    model = fresh()
    for owner, (x, chosen) in enumerate(planted(6000)):
        assert model.learn(x, chosen, owner, DAY_MS)
    assert model.weights == pytest.approx([2.0, -1.0, 0.0], abs=0.3)
    assert model.outcomes == 6000


def test_it_follows_when_people_change_after_a_long_time() -> None:
    """What was learned of 60,000 outcomes is forgotten within some thousand others; a learner that
    sums up all gradients it has ever seen has hardly moved by then."""
    late = [(-x, chosen) for x, chosen in planted(3000)]  # what drew people now keeps them away
    moved = []
    for memory in (2_000.0, 1e18):
        model = fresh(memory=memory)
        for turn in range(10):
            for owner, (x, chosen) in enumerate(planted(6000)):
                model.learn(x, chosen, owner, turn * DAY_MS)
        assert model.weights == pytest.approx([2.0, -1.0, 0.0], abs=0.4)
        for owner, (x, chosen) in enumerate(late):
            model.learn(x, chosen, owner, 11 * DAY_MS)
        moved.append(np.linalg.norm(model.weights - [-2.0, 1.0, 0.0]))
    assert moved[0] < 0.8
    assert moved[1] > 2 * moved[0]


@pytest.mark.parametrize("allowed", [1, 3, 20])
def test_one_person_moves_no_weight_beyond_the_bound(allowed: int) -> None:
    model, x = fresh(per_owner=allowed), np.array([[1.0, 0.0, 5.0], [0.0, -1.0, 0.0]])
    learned = [model.learn(x, 0, 7, 5 * DAY_MS + n) for n in range(100)]
    assert learned == [True] * allowed + [False] * (100 - allowed)
    assert model.outcomes == allowed
    assert np.abs(model.weights - model.start).max() <= allowed * model.rates.rate + 1e-12
    before = model.weights.copy()
    assert not model.learn(x, 0, 7, 6 * DAY_MS - 1)
    assert np.array_equal(model.weights, before)
    assert model.learn(x, 0, 8, 6 * DAY_MS - 1)  # somebody else
    assert model.learn(x, 0, 7, 6 * DAY_MS)  # another day
    assert not model.learn(x, 0, 7, 6 * DAY_MS - 1) or allowed > 1  # time does not run backwards


def test_the_penalty_draws_weights_back_to_the_first_ones() -> None:
    free, held = fresh(l2=0.0), fresh(l2=0.5)
    for owner, (x, chosen) in enumerate(planted(2000)):
        free.learn(x, chosen, owner, 0)
        held.learn(x, chosen, owner, 0)
    assert np.linalg.norm(held.weights) < 0.5 * np.linalg.norm(free.weights)


def test_the_parts_of_an_explanation_add_up_to_the_score() -> None:
    model = Softmax(np.array([2.0, -1.0, 0.5]), names=NAMES)
    parts = model.explain(np.array([0.1, 3.0, 0.0]))
    assert list(parts.items()) == [("b", -3.0), ("a", 0.2)]


def test_a_record_brings_back_the_same_learner() -> None:
    learned, first = fresh(), planted(300)
    for owner, (x, chosen) in enumerate(first[:200]):
        learned.learn(x, chosen, owner, 0)
    record = json.loads(json.dumps(learned.to_record()))
    again = Softmax.from_record(record, names=NAMES)
    assert again.to_record() == learned.to_record()
    for owner, (x, chosen) in enumerate(first[200:], 200):
        learned.learn(x, chosen, owner, 0)
        again.learn(x, chosen, owner, 0)
    assert np.array_equal(again.weights, learned.weights)
    assert np.array_equal(again.score(first[0][0]), learned.score(first[0][0]))


def test_terms_are_matched_by_name() -> None:
    model = fresh()
    model.weights[:] = 1.0, 2.0, 3.0
    again = Softmax.from_record(model.to_record(), names=("c", "d", "a"))
    assert again.weights.tolist() == [3.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"scorer": "trees"},
        {"rates": {"speed": 1}},
        {"rates": None},
        {"terms": {"a": {"weights": "x", "squares": 0, "start": 0}}},
        {"terms": {"a": {"weights": 1e999, "squares": 0, "start": 0}}},
        {"terms": {"a": {}}},
        {"terms": None},
        {"outcomes": "many"},
    ],
)
def test_a_record_that_is_none_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(CorruptData, match="record of weights"):
        Softmax.from_record({**fresh().to_record(), **change}, names=NAMES)


def test_the_same_outcomes_give_the_same_weights() -> None:
    first, second = fresh(), fresh()
    for owner, (x, chosen) in enumerate(planted(500)):
        first.learn(x, chosen, owner, 0)
        second.learn(x.copy(), chosen, owner, 0)
    assert np.array_equal(first.weights, second.weights)
