"""Judging: how well an order of the candidates meets what people then did."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.train.examples import Examples

LEARN, JUDGE = 0.8, 0.1
"""The first questions are learned from, the next say when to stop; the last are judged by."""
FIRST = 20
BINS = 10
"""Bins of a calibration, each of as many rows."""
SHORT = 3
"""A visit of so many actions is still short."""


class Measures(msgspec.Struct, frozen=True):
    """Of `questions`: hr, the share whose weightiest answer is among the first FIRST; mrr, the mean
    of one by its rank there; ndcg, with what each grade is worth; se: of hr and of mrr. A question
    whose answer is no candidate counts as missed."""

    questions: int
    hr: float
    hr_se: float
    mrr: float
    mrr_se: float
    ndcg: float


class Judged(NamedTuple):
    """Of each question: hit, 1 or 0; reciprocal, 1 by the rank; gain, its NDCG: float64[q]."""

    hit: NDArray[np.float64]
    reciprocal: NDArray[np.float64]
    gain: NDArray[np.float64]

    def of(self, which: NDArray[np.bool_]) -> Measures:
        """Of some of the questions, bool[q]."""
        n = int(which.sum())
        hit, worth = self.hit[which], self.reciprocal[which]
        if not n:
            return Measures(0, 0.0, 0.0, 0.0, 0.0, 0.0)
        numbers = (
            hit.mean(), hit.std() / n**0.5, worth.mean(), worth.std() / n**0.5,
            self.gain[which].mean(),
        )  # fmt: skip
        return Measures(n, *(round(float(number), 4) for number in numbers))


def judged(examples: Examples, first: int, last: int, scores: NDArray[np.float64]) -> Judged:
    """Questions [first, last) when their rows are ordered by scores float64[rows of these]; ties
    stand as the surface's own scorer has them."""
    out = np.zeros((3, last - first))
    begin, gains = examples.start[first], np.array(examples.gains)
    for q in range(first, last):
        rows = examples.rows(q, q + 1)
        grade = examples.grade[rows]
        if not examples.found[q]:
            continue
        order = np.argsort(-scores[rows.start - begin : rows.stop - begin], kind="stable")
        ordered = grade[order]
        rank = int(np.flatnonzero(ordered == ordered.max())[0]) + 1
        at = q - first
        if rank <= FIRST and ordered.max() == examples.wanted[q]:
            out[0, at], out[1, at] = 1.0, 1.0 / rank
        out[2, at] = _ndcg(gains[ordered], gains[max(examples.wanted[q], ordered.max())])
    return Judged(*out)


def _ndcg(gains: NDArray[np.float64], best: float) -> float:
    """NDCG among the first FIRST (Järvelin and Kekäläinen 2002). best: what the weightiest answer
    is worth, though it may be no candidate."""
    ideal = np.sort(gains)[::-1]
    ideal[0] = max(ideal[0], best)
    discount = 1.0 / np.log2(np.arange(2, min(len(gains), FIRST) + 2))
    n = len(discount)
    return float((gains[:n] * discount).sum() / (ideal[:n] * discount).sum())


def segments(examples: Examples, first: int, last: int) -> dict[str, NDArray[np.bool_]]:
    """Kinds of questions, and which of [first, last) are of each: bool[q]."""
    part = slice(first, last)
    repeat, length = examples.repeat[part], examples.length[part]
    said = {
        "repeats": repeat,
        "new items": ~repeat,
        "first action of a visit": length == 0,
        "short visits": (length > 0) & (length <= SHORT),
        "long visits": length > SHORT,
    }
    given = examples.given[part]
    if given.any() and not given.all():
        said |= {"callers' lists": given, "lists of our own": ~given}
    for grade in range(1, len(examples.gains)):
        if len(examples.gains) > 2:
            worth = f"{examples.gains[grade]:g}"
            said[f"answers worth {worth}"] = examples.wanted[part] == grade
    return {name: which for name, which in said.items() if which.any()}


class Calibration(msgspec.Struct, frozen=True):
    """error: the mean distance of what was said from what happened, weighed by how many rows; bins:
    pairs of the mean probability that a softmax of the scores says and the share taken."""

    error: float
    bins: list[tuple[float, float]]


def calibration(
    examples: Examples, first: int, last: int, scores: NDArray[np.float64]
) -> Calibration:
    """Of the questions [first, last) whose answer is among the candidates."""
    said, happened = [], []
    begin = examples.start[first]
    for q in range(first, last):
        if not examples.found[q]:
            continue
        rows = examples.rows(q, q + 1)
        given = scores[rows.start - begin : rows.stop - begin]
        odds = np.exp(given - given.max())
        said.append(odds / odds.sum())
        happened.append(examples.grade[rows] > 0)
    if not said:
        return Calibration(0.0, [])
    p, taken = np.concatenate(said), np.concatenate(happened)
    order = np.argsort(p, kind="stable")
    bins = [
        (float(p[rows].mean()), float(taken[rows].mean()))
        for rows in np.array_split(order, min(BINS, len(order)))
    ]
    error = float(np.mean([abs(a - b) for a, b in bins]))
    return Calibration(round(error, 5), [(round(a, 5), round(b, 5)) for a, b in bins])
