"""Measures of lists: HR, MRR, NDCG and recall at k, each with a standard error.

With the targets of a question at ranks r (1 the best), of m targets:

    HR@k      1 where any r ≤ k             MRR@k   1 / the least r ≤ k, else 0
    recall@k  the share of r ≤ k
    NDCG@k    Σ 1/log2(1 + r) over r ≤ k, by the same sum of the best ranks that m targets can have
              (Järvelin, Kekäläinen, ACM TOIS 2002)

With one target recall is HR. The questions of one visitor are not independent, so a standard error
is robust to clusters: residuals are added up a visitor before they are squared (Liang, Zeger,
Biometrika 1986).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

NAMES = ("HR", "MRR", "NDCG", "recall")

Values = NDArray[np.float64]


class Measure(msgspec.Struct, frozen=True):
    """A mean over questions and its standard error; null where it cannot be said."""

    value: float | None
    se: float | None

    def __str__(self) -> str:
        if self.value is None:
            return "–"
        return f"{self.value:.4f}" + (f" ± {self.se:.4f}" if self.se is not None else "")


class Scores(msgspec.Struct, frozen=True):
    """What a set of questions comes to. measures: name -> k -> value."""

    questions: int
    visitors: int
    measures: dict[str, dict[int, Measure]]


def per_question(targets: pl.DataFrame, k: int) -> dict[str, Values]:
    """Every measure at k of each question: float64[questions]. targets: as of an Outcome, rows of
    a question side by side."""
    question, rank = targets["question"].to_numpy(), targets["rank"].to_numpy()
    if not len(question):
        return {name: np.empty(0) for name in NAMES}
    first = np.flatnonzero(np.diff(question, prepend=-1))
    sizes = np.diff([*first.tolist(), len(question)])
    hit = (rank > 0) & (rank <= k)
    place = np.maximum(rank, 1)
    gain = np.add.reduceat(np.where(hit, 1 / np.log2(1 + place), 0.0), first)
    ideal = np.cumsum(1 / np.log2(np.arange(2, k + 2)))
    hits = np.add.reduceat(hit.astype(np.int64), first)
    return {
        "HR": (hits > 0).astype(np.float64),
        "MRR": np.maximum.reduceat(np.where(hit, 1 / place, 0.0), first),
        "NDCG": gain / ideal[np.minimum(sizes, k) - 1],
        "recall": hits / sizes,
    }


def mean(values: Values, cluster: NDArray[np.int64]) -> Measure:
    """The mean and its standard error, robust to clusters int64[n]; none of fewer than two."""
    n = len(values)
    if not n:
        return Measure(None, None)
    value = float(values.mean())
    _, inverse = np.unique(cluster, return_inverse=True)
    sums = np.bincount(inverse, values - value)
    if len(sums) < 2:
        return Measure(round(value, 6), None)
    se = float(np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) / n)
    return Measure(round(value, 6), round(se, 6))


def scores(targets: pl.DataFrame, at: Sequence[int]) -> Scores:
    """All measures of a set of targets."""
    visitor = targets.unique("question", keep="first", maintain_order=True)["visitor"].to_numpy()
    said: dict[str, dict[int, Measure]] = {name: {} for name in NAMES}
    for k in at:
        for name, values in per_question(targets, k).items():
            said[name][k] = mean(values, visitor)
    return Scores(len(visitor), len(np.unique(visitor)), said)
