"""Every vector database that runs here keeps the promise of `afresh.vectors.databases`.

Qdrant in its local mode, which has the API of the server but not its engine; Milvus Lite, which is
Milvus's own engine; a PostgreSQL with pgvector. The others: tests/vectors/databases.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.conftest import missing_engine
from tests.vector_databases import NEEDED, lacking, running

from afresh.errors import BadRequest
from afresh.vectors.databases import Access, Collection, Field, Payload, Shape, VectorDatabase
from afresh.vectors.databases.connect import connect
from afresh.vectors.databases.filters import And, Between, Filter, Not, OneOf

DIMS = 6
FIELDS = (Field("colour", "text"), Field("price", "number"), Field("sold", "flag"))
SHAPE = Shape(DIMS, FIELDS)
CLOSE = 2e-3
IDS = ["a", "b", "ü-ß", "日本", "it's", 'q"q', "a b/c?d#e", "x" * 256, "{0}", "%s", ":v0", "z\\z"]
TEXTS = ["red", "Red", "", "rot'", 'r"d', "ré d", "赤", "a\\b", "red,", " red", "line\nline", "%"]
NUMBERS = [0, 1, -1, 2.5, 1e-9, 123_456_789, 2.0**40, -0.5]
counted = itertools.count()


@pytest.fixture(
    scope="module", params=[pytest.param(n, marks=[pytest.mark.engine]) for n in NEEDED]
)
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VectorDatabase]:
    if lack := lacking(request.param):
        missing_engine(request.param, f"Install: {lack}")
    folder: Path = tmp_path_factory.mktemp(request.param)
    with running(request.param, folder) as url:
        made = connect(Access(url, timeout_ms=20_000))
        yield made
        made.close()


@pytest.fixture
def collection(database: VectorDatabase) -> Iterator[Collection]:
    name = f"test_{next(counted)}"
    yield database.make(name, SHAPE)
    database.drop(name)


def vectors_of(seed: int, n: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((n, DIMS)).astype(np.float32)


def payload_of(seed: int) -> Payload:
    draw = np.random.default_rng(seed)
    said = {
        "colour": TEXTS[draw.integers(len(TEXTS))],
        "price": NUMBERS[draw.integers(len(NUMBERS))],
        "sold": bool(draw.integers(2)),
        "of no shape": "left out",
    }
    return {name: None if draw.random() < 0.3 else value for name, value in said.items()}


VALUES: dict[str, list[str] | list[float] | list[bool]] = {
    "colour": TEXTS, "price": NUMBERS, "sold": [True, False],
}  # fmt: skip
BORDERS = st.one_of(st.none(), st.sampled_from(NUMBERS))
LEAVES = st.one_of(
    st.sampled_from(sorted(VALUES)).flatmap(
        lambda name: st.lists(st.sampled_from(VALUES[name]), min_size=1, max_size=3).map(
            lambda values: OneOf(name, tuple(values))
        )
    ),
    st.tuples(BORDERS, BORDERS)
    .filter(lambda borders: borders != (None, None))
    .map(lambda borders: Between("price", *borders)),
)
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(Not), st.lists(inner, min_size=1, max_size=3).map(lambda p: And(tuple(p)))
    ),
    max_leaves=5,
)


def passes(where: Filter, payload: Payload) -> bool:
    """The plain meaning, written a second time."""
    if isinstance(where, Not):
        return not passes(where.part, payload)
    if isinstance(where, And):
        return False not in [passes(part, payload) for part in where.parts]
    value = payload.get(where.field)
    if value is None:
        return False
    if isinstance(where, OneOf):
        return any(value == one for one in where.values)
    assert isinstance(value, (int, float))
    low = float("-inf") if where.least is None else where.least
    return low <= value <= (float("inf") if where.most is None else where.most)


SOME = st.lists(st.sampled_from(IDS), max_size=8)
STEPS = st.lists(
    st.tuples(st.sampled_from(["upsert", "delete"]), SOME, st.integers(0, 1000)), max_size=6
)


@settings(max_examples=12)
@given(STEPS, st.lists(FILTERS, min_size=1, max_size=4), st.integers(0, 1000))
def test_what_is_found_is_what_is_held(
    database: VectorDatabase,
    steps: list[tuple[str, list[str], int]],
    filters: list[Filter],
    seed: int,
) -> None:
    collection = database.make("held", SHAPE)
    collection.delete(IDS)  # a new collection each time takes ten times as long
    held: dict[str, tuple[NDArray[np.float32], Payload]] = {}
    for what, ids, number in steps:
        if what == "delete":
            collection.delete(ids)
            held = {item: kept for item, kept in held.items() if item not in ids}
            continue
        rows = vectors_of(number, len(ids))
        payloads = [payload_of(number + at) for at in range(len(ids))]
        collection.upsert(ids, rows, payloads)
        held |= dict(zip(ids, zip(rows, payloads, strict=True), strict=True))
    collection.flush()
    assert collection.count() == len(held)
    (asked,) = vectors_of(seed, 1)
    for where in (None, *filters):
        right = {
            item: float(row @ asked / np.linalg.norm(row) / np.linalg.norm(asked))
            for item, (row, payload) in held.items()
            if where is None or passes(where, payload)
        }
        for k in (3, 50):
            hits = collection.search(asked, k, where)
            assert len(hits.ids) == len(set(hits.ids)) == min(k, len(right))
            for item, cosine in zip(hits.ids, hits.cosines.tolist(), strict=True):
                assert cosine == pytest.approx(right[item], abs=CLOSE)
            best = sorted(right.values(), reverse=True)[:k]
            assert hits.cosines.tolist() == pytest.approx(best, abs=CLOSE)


def test_a_change_is_found_after_flush(collection: Collection) -> None:
    one, other = vectors_of(1, 2)
    collection.upsert(["a", "b"], np.array([one, other]), [{"colour": "red"}, {}])
    collection.flush()
    assert collection.search(one, 1).ids == ["a"]
    collection.upsert(["a"], other[None], [{"price": 5}])
    collection.upsert(["b"], one[None], [{"colour": "red"}])
    collection.flush()
    assert collection.search(one, 1).ids == ["b"]
    assert collection.search(one, 5, OneOf("colour", ("red",))).ids == ["b"]
    assert collection.search(one, 5, OneOf("price", (5,))).ids == ["a"]


def test_many_are_found_and_few_among_many_too(collection: Collection) -> None:
    rows = vectors_of(7, 600)
    ids = [f"i{at}" for at in range(600)]
    payloads: list[Payload] = [{"price": at % 50} for at in range(600)]
    collection.upsert(ids[:400], rows[:400], payloads[:400])
    collection.upsert(ids[400:], rows[400:], payloads[400:])
    collection.delete(ids[:50])
    collection.flush()
    assert collection.count() == 550
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    hits = few = 0
    for asked in vectors_of(8, 4):
        order = [int(at) for at in np.argsort(-(units @ asked)) if at >= 50]
        found = collection.search(asked, 100)
        assert len(found.ids) == 100
        hits += len(set(found.ids) & {f"i{at}" for at in order[:100]})
        alike = collection.search(asked, 20, OneOf("price", (7,)))
        few += len(set(alike.ids) & {f"i{at}" for at in range(57, 600, 50)})
    assert hits >= 392
    assert few == 4 * 11


def test_an_empty_collection_finds_nothing(collection: Collection) -> None:
    collection.flush()
    assert collection.count() == 0
    assert collection.search(np.ones(DIMS), 5).ids == []
    assert collection.search(np.ones(DIMS), 5, Not(OneOf("colour", ("red",)))).ids == []
    collection.delete(["a"])
    collection.upsert([], np.empty((0, DIMS)), [])
    collection.upsert(["a"], np.ones((1, DIMS)), [{}])
    assert collection.search(np.ones(DIMS), 0).ids == []


@pytest.mark.parametrize(
    ("ids", "rows", "payload", "code"),
    [
        (["a"], np.ones((1, DIMS + 1)), {}, "vector_shape"),
        (["a", "b"], np.ones((1, DIMS)), {}, "vector_shape"),
        (["a"], np.zeros((1, DIMS)), {}, "vector_without_direction"),
        (["a"], np.full((1, DIMS), np.nan), {}, "vector_without_direction"),
        (["a"], np.ones((1, DIMS)), {"price": "dear"}, "vector_payload"),
        (["a"], np.ones((1, DIMS)), {"price": True}, "vector_payload"),
        (["a"], np.ones((1, DIMS)), {"sold": 1}, "vector_payload"),
        ([""], np.ones((1, DIMS)), {}, "vector_id"),
        (["ü" * 129], np.ones((1, DIMS)), {}, "vector_id"),
        (["a\n"], np.ones((1, DIMS)), {}, "vector_id"),
    ],
)
def test_what_does_not_fit_is_refused_whole(
    collection: Collection, ids: list[str], rows: NDArray[np.float64], payload: Payload, code: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        collection.upsert(["fits", *ids], np.vstack([np.ones((1, rows.shape[1])), rows]),
                          [{}, payload, *[{}] * (len(rows) - 1)])  # fmt: skip
    assert refused.value.code == code
    assert refused.value.hint
    collection.flush()
    assert collection.count() == 0


@pytest.mark.parametrize(
    "where",
    [
        OneOf("color", ("red",)),
        OneOf("colour", ()),
        OneOf("colour", (1,)),
        OneOf("sold", (1,)),
        OneOf("price", (float("nan"),)),
        Between("colour", 1, 2),
        Between("price"),
        And(()),
        Not(And((OneOf("colour", ("red",)), OneOf("nothing", ("x",))))),
    ],
)
def test_a_filter_that_does_not_fit_is_refused(collection: Collection, where: Filter) -> None:
    with pytest.raises(BadRequest) as refused:
        collection.search(np.ones(DIMS), 5, where)
    assert refused.value.code == "vector_filter"


def test_a_question_of_other_dimensions_is_refused(collection: Collection) -> None:
    with pytest.raises(BadRequest, match=f"{DIMS} dimensions"):
        collection.search(np.ones(DIMS + 1), 5)


def test_a_collection_of_other_dimensions_is_refused(
    database: VectorDatabase, collection: Collection
) -> None:
    with pytest.raises(BadRequest, match=f"{DIMS} dimensions, not 3") as refused:
        database.make(collection.name, Shape(3, FIELDS))
    assert refused.value.code == "vector_shape"
    assert database.make(collection.name, SHAPE).count() == 0


def test_a_long_text_and_a_number_without_end_count_as_absent(collection: Collection) -> None:
    payloads: list[Payload] = [{"colour": "x" * 1024}, {"colour": "x" * 1025}, {"price": np.inf}]
    collection.upsert(["a", "b", "c"], vectors_of(3, 3), payloads)
    collection.flush()
    asked = np.ones(DIMS)
    assert collection.search(asked, 5, OneOf("colour", ("x" * 1024,))).ids == ["a"]
    absent = Not(OneOf("colour", ("x" * 1024, "y")))
    assert set(collection.search(asked, 5, absent).ids) == {"b", "c"}
    assert set(collection.search(asked, 5, Not(Between("price", 0))).ids) == {"a", "b", "c"}


def test_an_alias_moves_in_one_step_and_what_was_live_can_go(database: VectorDatabase) -> None:
    old, new = database.make("turn_1", SHAPE), database.make("turn_2", SHAPE)
    assert database.live("turn") is None
    old.upsert(["a"], np.ones((1, DIMS)), [{}])
    database.switch("turn", "turn_1")
    assert database.live("turn") == "turn_1"
    new.upsert(["b"], np.ones((1, DIMS)), [{}])
    new.flush()
    database.switch("turn", "turn_2")
    assert database.live("turn") == "turn_2"
    assert {"turn_1", "turn_2"} <= set(database.names())
    database.drop("turn_1")
    database.drop("turn_1")
    assert "turn_1" not in database.names()
    assert database.make("turn_2", SHAPE).search(np.ones(DIMS), 5).ids == ["b"]
    database.drop("turn_2")
