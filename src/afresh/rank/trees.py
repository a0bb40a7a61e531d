"""Trees: an ensemble of regression trees in the text form of LightGBM, scored without LightGBM.

A call of LightGBM's own predict costs more than a hundred candidates do, and a server should
not need it. So its model file, which is plain text, becomes a few arrays, and a kernel walks
them exactly as `Tree::NumericalDecision` of LightGBM does: float64 comparisons, its rules for what
is missing, the leaves added in the order of the trees.

What each feature adds to one score is read off the path of each tree: the change of the mean
from a node to its child belongs to the feature that splits there (Saabas, "Interpreting random
forests", 2014). Together with the means at the roots it adds up to the score.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.errors import CorruptData

ZERO = 1e-35
"""What LightGBM takes for zero, where zero stands for missing."""
START = "start"
"""What the means at the roots are called, beside what each column adds."""
DEFAULT_LEFT, MISSING_ZERO, MISSING_NAN = 2, 4, 8
"""Bits of a decision: where the missing go, and what is missing. No bit of the last two: nothing
is, and NaN counts as zero."""


class Trees(NamedTuple):
    """All trees one behind the other. A node is an inner node, or `~leaf` below zero.

    first: int64[trees + 1], where each tree's inner nodes begin; leaves: int64[trees + 1], the
    same of its leaves. By inner node: feature int32, threshold float64, decision uint8, left and
    right int32 (from the tree's own first node or leaf), mean float64, the output expected there.
    value: float64[leaves]. A tree of one leaf has no inner node.
    """

    first: NDArray[np.int64]
    leaves: NDArray[np.int64]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    decision: NDArray[np.uint8]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    mean: NDArray[np.float64]
    value: NDArray[np.float64]

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each row: float64[n] of x float32[n, columns]."""
        return np.asarray(_score(self, x))

    def added(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """What each column adds to each row's score, and the means at the roots in a column
        behind them: float64[n, columns + 1]."""
        return np.asarray(_added(self, x))

    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """What `added` tells apart."""
        return (*columns, START)

    def over(self, columns: NDArray[np.int32]) -> Trees:
        """The same, where feature f is found in column columns[f]."""
        return self._replace(feature=columns[self.feature].astype(np.int32))


def no_trees() -> Trees:
    """One tree of one leaf, which adds nothing."""
    none, number = np.empty(0, np.int32), np.empty(0)
    one = np.array([0, 0]), np.array([0, 1])
    return Trees(*one, none, number, np.empty(0, np.uint8), none, none, number, np.zeros(1))


@numba.njit(cache=True, nogil=True)
def _goes_left(value, threshold, decision):  # type: ignore[no-untyped-def]
    if np.isnan(value):
        if decision & MISSING_NAN:
            return decision & DEFAULT_LEFT != 0
        value = 0.0
    if decision & MISSING_ZERO and -ZERO <= value <= ZERO:
        return decision & DEFAULT_LEFT != 0
    return value <= threshold


@numba.njit(cache=True, nogil=True)
def _score(trees, x):  # type: ignore[no-untyped-def]
    """Trees.__call__: tree by tree, so that the nodes of one stay in the nearest cache."""
    n = len(x)
    out = np.zeros(n)
    for t in range(len(trees.first) - 1):
        base, leaf = trees.first[t], trees.leaves[t]
        if trees.first[t + 1] == base:
            out += trees.value[leaf]
            continue
        for i in range(n):
            node = np.int64(0)
            while node >= 0:
                at = base + node
                value = np.float64(x[i, trees.feature[at]])
                if _goes_left(value, trees.threshold[at], trees.decision[at]):
                    node = np.int64(trees.left[at])
                else:
                    node = np.int64(trees.right[at])
            out[i] += trees.value[leaf + ~node]
    return out


@numba.njit(cache=True, nogil=True)
def _added(trees, x):  # type: ignore[no-untyped-def]
    """Trees.added."""
    n, columns = x.shape
    out = np.zeros((n, columns + 1))
    for t in range(len(trees.first) - 1):
        base, leaf = trees.first[t], trees.leaves[t]
        if trees.first[t + 1] == base:
            out[:, columns] += trees.value[leaf]
            continue
        for i in range(n):
            node = np.int64(0)
            mean = trees.mean[base]
            out[i, columns] += mean
            while node >= 0:
                at = base + node
                f = trees.feature[at]
                if _goes_left(np.float64(x[i, f]), trees.threshold[at], trees.decision[at]):
                    node = np.int64(trees.left[at])
                else:
                    node = np.int64(trees.right[at])
                below = trees.mean[base + node] if node >= 0 else trees.value[leaf + ~node]
                out[i, f] += below - mean
                mean = below
    return out


def read_trees(text: str, features: int) -> Trees:
    """The trees of a LightGBM model file that splits by `features` numbers.

    Raises CorruptData for what is none, or what splits or adds in a way not known here.
    """
    try:
        head, *blocks = _blocks(text)
        if int(head["max_feature_idx"]) + 1 != features:
            raise ValueError(f"it has {int(head['max_feature_idx']) + 1} features, not {features}")
        if int(head["num_tree_per_iteration"]) != 1 or "average_output" in head:
            raise ValueError("it gives several numbers, or averages its trees")
        return _laid_out(blocks, features)
    except (KeyError, ValueError, IndexError) as error:
        raise CorruptData(
            f"The model file cannot be read: {error!r}",
            hint="It has to be a text file of LightGBM with numeric splits: train it again.",
        ) from error


def _blocks(text: str) -> Iterator[dict[str, str]]:
    """The head, then each tree, as what stands before and behind each `=`."""
    body, found, _ = text.partition("end of trees")
    if not found or not body.startswith("tree\n"):
        raise ValueError("it does not begin with `tree`, or has no end")
    for block in body.split("\nTree="):
        pairs = (line.partition("=") for line in block.splitlines())
        yield {name: value for name, _, value in pairs}


def _laid_out(blocks: list[dict[str, str]], features: int) -> Trees:
    def column(block: dict[str, str], name: str) -> list[str]:
        return block.get(name, "").split()

    names = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
    parts: dict[str, list[str]] = {name: [] for name in (*names, "internal_value", "leaf_value")}
    first, leaves = [0], [0]
    for block in blocks:
        grown = int(block["num_leaves"])
        if int(block["num_cat"]) or int(block.get("is_linear", "0")):
            raise ValueError("it splits by categories, or its leaves are linear")
        for name, values in parts.items():
            # A tree of one leaf may write out an empty split; it is none.
            wanted = grown if name == "leaf_value" else grown - 1
            said = column(block, name)[:wanted]
            if len(said) != wanted:
                raise ValueError(f"a tree of {grown} leaves has {len(said)} of {name}")
            values += said
        first.append(first[-1] + grown - 1)
        leaves.append(leaves[-1] + grown)
    made = Trees(
        np.array(first, np.int64),
        np.array(leaves, np.int64),
        np.array(parts["split_feature"], np.int32),
        np.array(parts["threshold"], np.float64),
        np.array(parts["decision_type"], np.uint8),
        np.array(parts["left_child"], np.int32),
        np.array(parts["right_child"], np.int32),
        np.array(parts["internal_value"], np.float64),
        np.array(parts["leaf_value"], np.float64),
    )
    _check(made, features)
    return made


def _check(trees: Trees, features: int) -> None:
    """A walk must end at a leaf and look at no column there is not, whatever the file says.

    LightGBM numbers a node after its parent, so that a child with a greater number, or a leaf,
    is what a walk can only meet.
    """
    if len(trees.feature) and not 0 <= trees.feature.min() <= trees.feature.max() < features:
        raise ValueError("it splits by a feature that it does not have")
    if (trees.decision & 1).any() or (trees.decision > 15).any():
        raise ValueError("it decides in a way that is not known")
    for t in range(len(trees.first) - 1):
        a, b = trees.first[t], trees.first[t + 1]
        grown, at = trees.leaves[t + 1] - trees.leaves[t], np.arange(b - a)
        for child in (trees.left[a:b], trees.right[a:b]):
            inner = child >= 0
            if (
                (child[inner] <= at[inner]).any()
                or (child >= b - a).any()
                or (~child >= grown).any()
            ):
                raise ValueError("its nodes do not form a tree")
    if not (np.isfinite(trees.value).all() and np.isfinite(trees.mean).all()):
        raise ValueError("a leaf is no number")
