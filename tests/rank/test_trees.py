"""Trees from a LightGBM file: the same scores to the bit, and nothing that is no tree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from afresh.errors import CorruptData
from afresh.rank.trees import Trees, read_trees
from afresh.train.fit import lightgbm as library

lightgbm = library()

COLUMNS = 6


def made(seed: int, **more: object) -> tuple[Any, NDArray[np.float32]]:
    """A ranker of lists of ten with zeros, missing numbers and ties, and its rows."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1200, COLUMNS)).astype(np.float32).round(1)
    x[rng.random(x.shape) < 0.2] = np.nan
    x[rng.random(x.shape) < 0.2] = 0.0
    worth = np.nan_to_num(x[:, 0]) + np.isnan(x[:, 1]) + (x[:, 2] == 0) * np.nan_to_num(x[:, 3])
    grade = np.zeros(len(x), np.int32)
    lists = (worth + rng.normal(size=len(x)) / 4).reshape(-1, 10)
    grade.reshape(-1, 10)[np.arange(len(lists)), lists.argmax(1)] = 1
    params = {
        "objective": "lambdarank", "num_leaves": 15, "min_data_in_leaf": 5, "seed": seed,
        "verbose": -1, "num_threads": 1, **more,
    }  # fmt: skip
    data = lightgbm.Dataset(x, grade, group=[10] * len(lists), params=params)
    return lightgbm.train(params, data, 30), x


def odd_rows(seed: int) -> NDArray[np.float32]:
    """Rows with everything that a decision may meet."""
    odd = [0.0, -0.0, 1e-36, -1e-36, 1e-34, np.nan, np.inf, -np.inf, 3e38, 0.1, -0.1]
    rng = np.random.default_rng(seed)
    return rng.choice(np.array(odd, np.float32), (300, COLUMNS))


@pytest.mark.parametrize(
    "missing", [{}, {"zero_as_missing": True}, {"use_missing": False}], ids=["nan", "zero", "none"]
)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_scores_are_those_of_lightgbm_to_the_bit(missing: dict[str, bool], seed: int) -> None:
    booster, x = made(seed, **missing)
    trees = read_trees(booster.model_to_string(), COLUMNS)
    for rows in (x, odd_rows(seed)):
        assert np.array_equal(trees(rows), booster.predict(rows, num_threads=1))


def test_what_each_column_adds_adds_up_and_an_unread_column_adds_nothing() -> None:
    booster, x = made(1)
    trees = read_trees(booster.model_to_string(), COLUMNS)
    parts = trees.added(x)
    assert parts.shape == (len(x), COLUMNS + 1)
    assert parts.sum(1) == pytest.approx(trees(x), abs=1e-12)
    read = set(trees.feature.tolist())
    assert all(not parts[:, c].any() for c in range(COLUMNS) if c not in read)


def test_columns_may_stand_elsewhere() -> None:
    booster, x = made(2)
    trees = read_trees(booster.model_to_string(), COLUMNS)
    wide = np.full((len(x), 9), 7.0, np.float32)
    places = np.array([8, 0, 2, 5, 1, 3], np.int32)
    wide[:, places] = x
    assert np.array_equal(trees.over(places)(wide), trees(x))


def test_a_tree_of_one_leaf_adds_its_leaf() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, COLUMNS)).astype(np.float32)
    grade = np.tile([1, 0, 0, 0], 10)
    params = {"objective": "lambdarank", "min_data_in_leaf": 1000, "verbose": -1}
    booster = lightgbm.train(params, lightgbm.Dataset(x, grade, group=[4] * 10), 3)
    trees = read_trees(booster.model_to_string(), COLUMNS)
    assert len(trees.feature) == 0
    assert np.array_equal(trees(x), booster.predict(x))
    assert np.array_equal(trees.added(x)[:, -1], trees(x))


def text() -> str:
    written: str = made(3)[0].model_to_string()
    return written


def line(model: str, name: str) -> str:
    return next(each for each in model.splitlines() if each.startswith(f"{name}="))


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("left_child", "left_child=" + " ".join(["0"] * 14)),  # a walk that never ends
        ("right_child", "right_child=" + " ".join(["-99"] * 14)),  # a leaf that is none
        ("split_feature", "split_feature=" + " ".join(["6"] * 14)),  # a column that is none
        ("decision_type", "decision_type=" + " ".join(["1"] * 14)),  # by categories
        ("leaf_value", "leaf_value=" + " ".join(["nan"] * 15)),
        ("threshold", "threshold=1 2 3"),
        ("num_cat", "num_cat=1"),
        ("num_leaves", "num_leaves=many"),
        ("max_feature_idx", "max_feature_idx=6"),
        ("num_tree_per_iteration", "num_tree_per_iteration=2"),
    ],
)
def test_what_is_no_such_model_is_refused(name: str, instead: str) -> None:
    model = text()
    with pytest.raises(CorruptData):
        read_trees(model.replace(line(model, name), instead, 1), COLUMNS)


@pytest.mark.parametrize("model", ["", "tree", "tree\nend of trees", "\0" * 100])
def test_what_is_no_model_at_all_is_refused(model: str) -> None:
    with pytest.raises(CorruptData):
        read_trees(model, COLUMNS)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_file_with_a_damaged_line_is_refused_or_scores(data: st.DataObject) -> None:
    """Whatever was changed: an error that is explained, or a walk that ends."""
    lines = text().splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at] = data.draw(st.text("0123456789-= .einaf", max_size=40))
    try:
        trees: Trees = read_trees("\n".join(lines), COLUMNS)
    except CorruptData:
        return
    trees(odd_rows(0))
