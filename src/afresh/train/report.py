"""The report of a training run: what the model is worth against what ranks now."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.train.examples import SHOWN, Examples
from afresh.train.fit import Fitted
from afresh.train.judging import Calibration, Measures, calibration, judged, segments

REPORT = "report.json"
OURS = "this model"
SAID = {
    "surface": "the surface's scorer",
    "blend": "the fixed blend",
    "online": "the online blend",
    SHOWN: "as it was shown, or given",
}
"""What the report calls the orders that others give."""
MOST = 12
"""Columns that the text names."""


class Seconds(msgspec.Struct, frozen=True):
    """How long was asked, and how long learned."""

    asking: float
    learning: float


class Report(msgspec.Struct, kw_only=True):
    """rows_from: `impressions`, what was shown, or `replay`. given: how many of the questions are
    lists that callers gave. questions: in all, `found` those with
    their answer among the candidates, `judged` the last ones, by which overall and segments
    judge; late: left out, as their outcomes came too late. importance: of the columns, shares of
    what all splits gained, the greatest first; constant: columns that were the same everywhere
    and are not read. microseconds: what scoring a hundred candidates takes."""

    model: str
    surface: str
    rows_from: str
    given: int
    questions: int
    found: int
    late: int
    rows: int
    judged: int
    trees: int
    overall: dict[str, Measures]
    segments: dict[str, dict[str, Measures]]
    importance: dict[str, float]
    constant: list[str]
    calibration: Calibration
    microseconds: float
    seconds: Seconds


def reported(
    model: str, surface: str, examples: Examples, first: int, scores: NDArray[np.float64],
    fit: Fitted, names: list[str], took: Seconds, microseconds: float, rows_from: str,
) -> Report:  # fmt: skip
    """Judge by the questions from `first` on, whose rows the model gives scores float64[n]."""
    last, rows = len(examples), examples.rows(first, len(examples))
    others = {SAID.get(name, f"now: {name}"): given for name, given in examples.scores.items()}
    orders = {OURS: scores} | {name: given[rows] for name, given in others.items()}
    if np.array_equal(examples.scores["surface"], examples.scores["blend"]):
        orders.pop(SAID["surface"])
    found = {name: judged(examples, first, last, given) for name, given in orders.items()}
    every = np.ones(last - first, np.bool_)
    gains = sorted(zip(fit.gain.tolist(), names, strict=True), reverse=True)
    return Report(
        model=model,
        surface=surface,
        rows_from=rows_from,
        given=int(examples.given.sum()),
        questions=last,
        found=int(examples.found.sum()),
        late=examples.late,
        rows=len(examples.x),
        judged=last - first,
        trees=fit.rounds,
        overall={name: each.of(every) for name, each in found.items()},
        segments={
            segment: {name: each.of(which) for name, each in found.items()}
            for segment, which in segments(examples, first, last).items()
        },
        importance={name: round(gain, 4) for gain, name in gains if gain > 0},
        constant=[name for name in examples.names if name not in names],
        calibration=calibration(examples, first, last, scores),
        microseconds=microseconds,
        seconds=took,
    )


def told(report: Report) -> Iterator[str]:
    """The report as lines of text."""
    yield (
        f"{report.model}: {report.trees} trees for {report.surface!r}, from {report.found:,} of "
        f"{report.questions:,} questions ({report.rows:,} rows from {report.rows_from}); asked in "
        f"{report.seconds.asking:.1f} s, learned in {report.seconds.learning:.1f} s"
    )
    if report.given:
        own = report.questions - report.given
        yield f"{report.given:,} of them are lists that callers gave, {own:,} lists of our own"
    if report.late:
        yield f"{report.late:,} outcomes came too late to have been a question"
    yield ""
    yield f"The last {report.judged:,} questions, HR@20 / MRR@20 / NDCG@20:"
    for name, each in report.overall.items():
        yield f"  {name:<32} {_three(each)}   (± {each.hr_se:.4f} / {each.mrr_se:.4f})"
    for segment, found in report.segments.items():
        n = next(iter(found.values())).questions
        yield f"  {segment} ({n:,}):"
        for name, each in found.items():
            yield f"    {name:<30} {_three(each)}"
    yield ""
    yield "What the splits gained:"
    for name, gain in list(report.importance.items())[:MOST]:
        yield f"  {name:<32} {gain:6.1%}"
    yield ""
    yield (
        f"A hundred candidates are scored in {report.microseconds:.0f} µs; what is said to be "
        f"taken and what is taken differ by {report.calibration.error:.4f} on average"
    )


def _three(each: Measures) -> str:
    return f"{each.hr:.4f} / {each.mrr:.4f} / {each.ndcg:.4f}"
