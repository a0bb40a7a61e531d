"""Every vector index keeps the promise of `afresh.vectors`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from afresh.errors import BadRequest
from afresh.vectors import VectorIndex
from afresh.vectors.embedded import EmbeddedIndex
from afresh.vectors.exact import ExactIndex
from afresh.vectors.growing import GrowingIndex

BACKENDS: dict[str, Callable[[int], VectorIndex]] = {
    "exact": ExactIndex,
    "embedded": EmbeddedIndex,
    "growing": lambda dims: GrowingIndex(dims, exact_below=15),
}
DIMS = 8
CLOSE = 2e-3
"""float16 keeps eleven bits."""


@pytest.fixture(params=BACKENDS)
def make(request: pytest.FixtureRequest) -> Callable[[int], VectorIndex]:
    return BACKENDS[request.param]


def made(seed: int, n: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, DIMS)).astype(np.float32)


def slow(held: dict[int, NDArray[np.float32]], vector: NDArray[np.float32]) -> dict[int, float]:
    def cosine(one: NDArray[np.float32]) -> float:
        return float(one @ vector / np.linalg.norm(one) / np.linalg.norm(vector))

    return {key: cosine(one) for key, one in held.items()}


Step = tuple[str, list[int], int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["upsert", "delete", "search", "search_allowed"]),
        st.lists(st.integers(0, 40), max_size=30),
        st.integers(0, 1000),
    ),
    max_size=12,
)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=40)
@given(STEPS)
def test_what_is_found_is_what_is_held(backend: str, steps: list[Step]) -> None:
    index, held = BACKENDS[backend](DIMS), dict[int, NDArray[np.float32]]()
    for what, numbers, seed in [*steps, ("search", [], 1)]:
        keys, vectors = np.array(numbers, np.int64), made(seed, max(len(numbers), 1))
        if what == "upsert":
            index.upsert(keys, vectors[: len(keys)])
            held |= dict(zip(numbers, vectors, strict=False))
        elif what == "delete":
            index.delete(keys)
            held = {key: one for key, one in held.items() if key not in numbers}
        else:
            allowed = keys if what == "search_allowed" else None
            found = index.search(vectors[0], 5, allowed)
            right = slow({k: v for k, v in held.items() if allowed is None or k in numbers},
                         vectors[0])  # fmt: skip
            assert len(found.keys) == min(5, len(right))
            assert len(set(found.keys.tolist())) == len(found.keys)
            for key, cosine in zip(found.keys.tolist(), found.cosines.tolist(), strict=True):
                assert cosine == pytest.approx(right[key], abs=CLOSE)
            best = sorted(right.values(), reverse=True)[:5]
            assert found.cosines.tolist() == pytest.approx(best, abs=CLOSE)
        assert len(index) == len(held)
        some = np.array(sorted(held)[:9], np.int64)
        for vector, key in zip(index.get(some), some.tolist(), strict=True):
            unit = held[key] / np.linalg.norm(held[key])
            assert vector.tolist() == pytest.approx(unit.tolist(), abs=CLOSE)


def test_upsert_replaces(make: Callable[[int], VectorIndex]) -> None:
    index, vectors = make(DIMS), made(1, 2)
    index.upsert(np.array([7, 7]), vectors)
    assert index.search(vectors[1], 3).cosines.tolist() == pytest.approx([1.0], abs=CLOSE)
    index.upsert(np.array([7]), -vectors[1:])
    found = index.search(vectors[1], 3)
    assert found.keys.tolist() == [7]
    assert found.cosines.tolist() == pytest.approx([-1.0], abs=CLOSE)


def test_the_nearest_of_a_thousand_are_found(make: Callable[[int], VectorIndex]) -> None:
    index, vectors = make(DIMS), made(2, 1000)
    keys = np.random.default_rng(3).permutation(5000)[:1000]
    index.upsert(keys, vectors)
    index.delete(keys[:300])
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    hits = 0
    for asked in made(4, 20):
        found = index.search(asked, 50)
        right = keys[300:][np.argsort(-(units[300:] @ asked))[:50]]
        hits += len(np.intersect1d(found.keys, right))
        assert not np.isin(found.keys, keys[:300]).any()
        assert (np.diff(found.cosines) <= 0).all()
        half = index.search(asked, 50, keys[:650])
        assert np.isin(half.keys, keys[300:650]).all()
        assert len(half.keys) == 50
    assert hits >= 980


def test_few_allowed_among_many_are_all_found(make: Callable[[int], VectorIndex]) -> None:
    index = make(DIMS)
    index.upsert(np.arange(500), made(5, 500))
    found = index.search(made(6, 1)[0], 10, np.array([3, 999, 77, 3]))
    assert sorted(found.keys.tolist()) == [3, 77]


@pytest.mark.parametrize(
    ("keys", "vectors", "code"),
    [
        ([1], np.ones((1, DIMS + 1)), "vector_shape"),
        ([1], np.ones(DIMS), "vector_shape"),
        ([1, 2], np.ones((1, DIMS)), "vector_shape"),
        ([1, 2], np.array([[1.0] * DIMS, [0.0] * DIMS]), "vector_without_direction"),
        ([1], np.full((1, DIMS), np.nan), "vector_without_direction"),
        ([1], np.full((1, DIMS), np.inf), "vector_without_direction"),
    ],
)
def test_what_does_not_fit_is_refused_whole(
    make: Callable[[int], VectorIndex], keys: list[int], vectors: NDArray[np.float64], code: str
) -> None:
    index = make(DIMS)
    with pytest.raises(BadRequest) as refused:
        index.upsert(np.array(keys), vectors)
    assert refused.value.code == code
    assert refused.value.hint
    assert len(index) == 0


def test_a_question_that_does_not_fit_is_refused(make: Callable[[int], VectorIndex]) -> None:
    with pytest.raises(BadRequest, match="8 dimensions"):
        make(DIMS).search(np.ones(3), 1)


def test_an_empty_index_finds_nothing(make: Callable[[int], VectorIndex]) -> None:
    index = make(DIMS)
    assert not len(index.search(np.ones(DIMS), 5).keys)
    index.upsert(np.array([4]), np.ones((1, DIMS)))
    assert not len(index.search(np.ones(DIMS), 0).keys)


def test_exact_answers_do_not_depend_on_the_order_of_adds() -> None:
    vectors, asked = made(8, 300), made(9, 1)[0]
    vectors[200:] = vectors[:100]  # ties
    one, other = ExactIndex(DIMS), ExactIndex(DIMS)
    one.upsert(np.arange(300), vectors)
    for key in np.random.default_rng(1).permutation(300):
        other.upsert(np.array([key]), vectors[key][None])
    a, b = one.search(asked, 151), other.search(asked, 151)
    assert a.keys.tolist() == b.keys.tolist()
    assert a.cosines.tolist() == b.cosines.tolist()
