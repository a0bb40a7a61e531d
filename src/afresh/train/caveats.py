"""Caveats: what a model is not good for, as far as that follows from what it was made of.

Nothing here is an opinion: each sentence is there because of a figure of the manifest or of the
report, and names it.
"""

from __future__ import annotations

from collections.abc import Iterator

from afresh.rank.manifest import Manifest
from afresh.train.judging import Measures
from afresh.train.report import OURS, Report

FEW = 100
"""Questions below which the figures of a segment say little."""
DAY_MS = 86_400_000
YEAR_DAYS = 365
_FROM = {
    "replay": (
        "Its rows come from a replay: what would have been a candidate, not what was seen on a "
        "screen. They are not unbiased by position: what the old page had at its top was taken "
        "more often for that, and this model cannot tell."
    ),
    "impressions": (
        "Its rows come from impressions: of what was never shown it knows nothing, and HR@20 of "
        "lists that were hardly longer says little; read MRR. What is due to the position is a "
        "column of its own, which is 0 when it serves."
    ),
}


def caveats(manifest: Manifest, report: Report | None) -> Iterator[str]:
    """Sentences, one a caveat."""
    if report is None:
        yield (
            "There is no report with it: how it was trained, and what it is worth, is not known "
            "here. `afresh evaluate --model` says the latter."
        )
        return
    if report.rows_from in _FROM:
        yield _FROM[report.rows_from]
    yield from _data(manifest, report)
    yield from _judgement(report)


def _data(manifest: Manifest, report: Report) -> Iterator[str]:
    missed = report.questions - report.found
    if missed:
        yield (
            f"Of {missed:,} of {report.questions:,} questions the answer was no candidate. No "
            "order of the candidates helps there; more sources may."
        )
    if report.late:
        yield (
            f"{report.late:,} outcomes came too late to have been a question: of what arrives late "
            "it has learned nothing."
        )
    data = manifest.data
    days = YEAR_DAYS if data is None else (data.max_ts - data.min_ts) / DAY_MS
    if days < YEAR_DAYS:
        yield (
            f"Its questions span {days:,.1f} days. What changes over longer times, such as a "
            "season, is not in them."
        )
    if report.constant:
        yield (
            f"It does not read {len(report.constant)} of the columns, which were the same "
            "everywhere or left out by hand. Where they come to matter, it does not notice."
        )


def _judgement(report: Report) -> Iterator[str]:
    yield (
        f"It was judged by {report.judged:,} questions that follow those it learned from, "
        "of one seed: how it ages, and how much another seed would differ, is not measured."
    )
    few = {
        name: n
        for name, found in report.segments.items()
        if (n := next(iter(found.values())).questions) < FEW
    }
    if report.judged < FEW:
        yield f"{report.judged:,} questions in all are fewer than {FEW}: its figures say little."
    elif few:
        said = ", ".join(f"{name} ({n:,})" for name, n in few.items())
        yield f"Fewer than {FEW} questions judge it on: {said}. It is not shown to be good there."
    for where, found in {"all questions": report.overall, **report.segments}.items():
        yield from _behind(where, found)


def _behind(where: str, found: dict[str, Measures]) -> Iterator[str]:
    """The best other order, if its MRR is above that of the model: a reason not to promote it."""
    mine = found[OURS]
    name, other = max(found.items(), key=lambda each: each[1].mrr)
    if other.mrr > mine.mrr:
        apart = 2 * (mine.mrr_se**2 + other.mrr_se**2) ** 0.5
        error = "within" if other.mrr - mine.mrr <= apart else "beyond"
        yield (
            f"On {where}, {name} is ahead: MRR@20 {other.mrr:.4f} against {mine.mrr:.4f}, {error} "
            "two standard errors."
        )
