"""Fitting: LambdaMART, by LightGBM.

Gradient-boosted trees whose gradients are those of pairs of a list, each weighed by what
exchanging the two would change of NDCG (Burges, "From RankNet to LambdaRank to LambdaMART: an
overview", MSR-TR-2010-82). Trees are added until NDCG@20 on later questions has not risen for a
while. The same rows, seed and version of LightGBM give the same trees, whatever the number of
threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from afresh.errors import MissingDependency
from afresh.train.outcomes import Progress

ROUNDS = 300
PATIENCE = 30
"""Trees at most, and trees without a better NDCG after which the best number of them is kept."""
FIRST = 20
"""The part of a list that counts."""
PAIRED = 50
"""Pairs count of which one stands so high: also what is just about to come into the first part."""
SMALLEST_LEAF = 200
"""Rows of a leaf at least; of few rows, a thousandth of them."""
MANY = 500_000
LEAVES = (15, 31)
"""Of a tree, below and from MANY rows on."""


class Lists(NamedTuple):
    """Lists to learn from: x float32[rows, columns], grade int32[rows], size int64[lists], own
    float64[rows], the log-odds that the trees are added to."""

    x: NDArray[np.float32]
    grade: NDArray[np.int32]
    size: NDArray[np.int64]
    own: NDArray[np.float64]

    def dataset(self, library: Any, settings: dict[str, Any], reference: Any = None) -> Any:
        """As LightGBM has them."""
        return library.Dataset(
            self.x, self.grade, group=self.size, init_score=self.own, reference=reference,
            params=settings,
        )  # fmt: skip


class Fitted(NamedTuple):
    """text: the model in LightGBM's form; rounds: its trees; gain: float64[columns], what each
    column's splits were worth in all, as shares of 1."""

    text: str
    rounds: int
    gain: NDArray[np.float64]


def lightgbm() -> Any:
    """The library. Raises MissingDependency.

    Its threads shall sleep when they wait for each other: beside a server, or on a shared machine,
    those that spin take the cores from whom they wait for. OpenMP reads that once, as it is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import lightgbm as library
    except ImportError as error:
        raise MissingDependency(
            "Training needs LightGBM, which is not installed.",
            hint='pip install "afresh[train]"',
        ) from error
    return library


def fitted(
    learn: Lists, judge: Lists, gains: list[float], seed: int, progress: Progress,
    threads: int | None = None,
) -> Fitted:  # fmt: skip
    """Learn from some lists, as long as it helps on others. gains: what each grade is worth."""
    lgb = lightgbm()
    settings = _settings(learn, gains, seed, threads)
    data = learn.dataset(lgb, settings)
    other = judge.dataset(lgb, settings, data)
    stop = lgb.early_stopping(PATIENCE, verbose=False)
    told = _told(progress)
    booster = lgb.train(settings, data, ROUNDS, valid_sets=[other], callbacks=[stop, told])
    return _read(booster, booster.best_iteration or booster.current_iteration())


def fitted_whole(
    lists: Lists, rounds: int, gains: list[float], seed: int, progress: Progress,
    threads: int | None = None,
) -> Fitted:  # fmt: skip
    """Learn from all lists, so many trees as `fitted` has found to help."""
    lgb = lightgbm()
    settings = _settings(lists, gains, seed, threads)
    data = lists.dataset(lgb, settings)
    return _read(lgb.train(settings, data, rounds, callbacks=[_told(progress)]), rounds)


def _settings(learn: Lists, gains: list[float], seed: int, threads: int | None) -> dict[str, Any]:
    return {
        "objective": "lambdarank",
        "metric": "ndcg",
        "ndcg_eval_at": [FIRST],
        "label_gain": gains,
        "lambdarank_truncation_level": PAIRED,
        "learning_rate": 0.1,
        "num_leaves": LEAVES[len(learn.x) >= MANY],
        "min_data_in_leaf": min(SMALLEST_LEAF, max(len(learn.x) // 1000, 5)),
        "feature_fraction": 0.6,
        "bagging_fraction": 0.5,
        "bagging_by_query": True,
        "bagging_freq": 1,
        "max_bin": 127,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads or os.cpu_count() or 1,
        "verbose": -1,
    }


def _read(booster: Any, rounds: int) -> Fitted:
    gain = booster.feature_importance("gain", iteration=rounds).astype(np.float64)
    text: str = booster.model_to_string(num_iteration=rounds)
    # What follows the trees names settings of this machine.
    text = text[: text.index("end of trees")] + "end of trees\n"
    return Fitted(text, rounds, gain / max(gain.sum(), 1e-300))


def _told(progress: Progress) -> Callable[[Any], None]:
    def told(environment: Any) -> None:
        progress("trees", environment.iteration + 1, ROUNDS)

    return told
