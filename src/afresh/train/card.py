"""The model card: what a model is, what it is for, what it is worth and what it is not, to be read.

The headings are those of Mitchell et al., "Model Cards for Model Reporting" (FAT* 2019). Everything
on it is read off the manifest and the report, so a card says the same whenever it is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from afresh.rank.manifest import Manifest, moment
from afresh.rank.trained import RERANKED
from afresh.train.caveats import caveats
from afresh.train.judging import JUDGE, LEARN, Measures
from afresh.train.report import MOST, Report

CARD = "card.md"
CITED = (
    "The headings follow Mitchell, Wu, Zaldivar, Barnes, Vasserman, Hutchinson, Spitzer, Raji, "
    'Gebru, "Model Cards for Model Reporting", FAT* 2019.'
)
_MEASURES = (
    "HR@20: the share of questions whose weightiest answer is among the first 20. MRR@20: the mean "
    "of one by its rank there, 0 where it is not. NDCG@20: with what each answer is worth. ±: one "
    "standard error. A question whose answer is no candidate counts as missed."
)


NOTHING = "Nothing is recorded."
_NOT_FOR = (
    "another surface: its columns and its candidates are those of this one.",
    "a definition in which a column is gone or means something else: it is refused.",
    "deciding anything about a person: it compares items for one, never one with another.",
)
_UNTAUGHT = (
    "what the surface's sources do not find: it has seen no such.",
    "what a list brings about: it was shown what people took, not what they would have taken of "
    "another list.",
)
_LEARNED = (
    "It learned from what people did. The model holds thresholds and numbers, no names and no "
    "events. It follows what was taken: what was popular gains, and what was seldom shown (new "
    "items, small groups) has little to gain by."
)


def card(manifest: Manifest, report: Report | None, files: Mapping[str, str]) -> str:
    """The card of a model, Markdown. files: the SHA-256 of each of its files by name."""
    sections: dict[str, Iterator[str]] = {
        "Model details": _details(manifest, report, files),
        "Intended use": _use(manifest),
        "Factors": _factors(report),
        "Metrics": _metrics(report),
        "Evaluation data": _evaluation(report),
        "Training data": _training(manifest, report),
        "Quantitative analyses": _analyses(report),
        "Ethical considerations": _ethics(manifest),
        "Caveats and recommendations": _list(caveats(manifest, report)),
    }
    parts = [f"# Model card: {manifest.model}"]
    for title, lines in sections.items():
        parts += [f"## {title}", *lines]
    return "\n\n".join([*parts, CITED]) + "\n"


def _details(manifest: Manifest, report: Report | None, files: Mapping[str, str]) -> Iterator[str]:
    what = f"{report.trees} regression trees, LambdaMART" if report else "trained elsewhere"
    pairs = {
        "Kind": f"{manifest.kind}: {what}",
        "Made": moment(manifest.created),
        "Orders": f"surface `{manifest.surface}` of the app `{manifest.app}`",
        "Definition": f"`{manifest.plan}`",
        "Columns": f"{len(manifest.columns)}, of version {manifest.columns_version}",
        "Seed": "not known" if manifest.seed is None else str(manifest.seed),
        "Versions": ", ".join(f"{name} {v}" for name, v in manifest.versions.items()),
    }
    if report:
        pairs["Cost"] = (
            f"{report.microseconds:.0f} µs for {RERANKED} candidates; asked in "
            f"{report.seconds.asking:.1f} s, learned in {report.seconds.learning:.1f} s"
        )
    pairs |= {f"SHA-256 of `{name}`": f"`{value}`" for name, value in files.items()}
    yield _table(("", ""), list(pairs.items()))


def _use(manifest: Manifest) -> Iterator[str]:
    how = "on top of" if manifest.on_top else "in the place of"
    yield (
        f"To order the best {RERANKED} candidates of the surface `{manifest.surface}`, for whoever "
        f"asks, {how} the surface's own score; the others follow as they were."
    )
    yield "It is not for:"
    yield from _list([*_NOT_FOR, *(_UNTAUGHT if manifest.data is not None else ())])


def _factors(report: Report | None) -> Iterator[str]:
    if report is None:
        yield NOTHING
        return
    yield (
        "Looked at apart: whether the visitor had touched the answer before, how far the visit "
        "was, and what the answer was worth."
    )
    counts = {n: next(iter(found.values())).questions for n, found in report.segments.items()}
    yield _table(("Segment", "Questions"), [(n, f"{c:,}") for n, c in counts.items()])
    yield "Groups of people are not looked at apart: nothing here says who belongs to which."


def _metrics(report: Report | None) -> Iterator[str]:
    if report is None:
        yield NOTHING
        return
    yield _MEASURES
    yield (
        "Calibration: a softmax of the scores of a list says how probable each item is; what is "
        f"said and what is taken differ by {report.calibration.error:.4f} on average over bins of "
        "as many rows."
    )


def _evaluation(report: Report | None) -> Iterator[str]:
    if report is None:
        yield NOTHING
        return
    yield (
        f"The last {report.judged:,} of {report.questions:,} questions in the order of the log, "
        "none of which it learned from. All orders are of the same candidates."
    )


def _training(manifest: Manifest, report: Report | None) -> Iterator[str]:
    data = manifest.data
    yield (
        NOTHING
        if data is None
        else f"Questions asked again between {moment(data.min_ts)} and {moment(data.max_ts)}, of "
        f"the log `{data.log}` at the offsets {data.first:,} to {data.end:,}."
    )
    if report is not None:
        yield (
            f"{report.rows:,} rows from {report.rows_from}, of {report.questions:,} questions, "
            f"{report.found:,} of them with their answer among the candidates. The first "
            f"{100 * LEARN:g} % were learned from, the next {100 * JUDGE:g} % said when to stop."
        )
        said = list(report.importance.items())
        yield "What the splits gained, by column:"
        yield _table(("Column", "Share"), [(_code(n), f"{g:.1%}") for n, g in said[:MOST]])
    names = [_code(column.name) for column in manifest.columns]
    yield f"All columns that it reads: {', '.join(names)}."
    if report is not None and report.constant:
        constant = ", ".join(map(_code, report.constant))
        yield f"Not read, as they were the same everywhere or left out by hand: {constant}."


def _analyses(report: Report | None) -> Iterator[str]:
    if report is None:
        yield NOTHING
        return
    head = ("Order", "HR@20", "MRR@20", "NDCG@20")
    yield _table(head, [_row((name,), each) for name, each in report.overall.items()])
    rows = [
        _row((segment, name), each)
        for segment, found in report.segments.items()
        for name, each in found.items()
    ]
    if rows:
        yield _table(("Segment", *head), rows)
    if report.calibration.bins:
        bins = [(f"{a:.5f}", f"{b:.5f}") for a, b in report.calibration.bins]
        yield _table(("Said", "Taken"), bins)


def _ethics(manifest: Manifest) -> Iterator[str]:
    own = [_code(column.name) for column in manifest.columns if column.meaning]
    if manifest.data is not None:
        yield _LEARNED
    yield (
        f"Features that the definition declares: {', '.join(own)}. Whether one of them tells of "
        "something that should not decide is not looked at."
        if own
        else "It reads no feature that the definition declares."
    )


def _row(first: tuple[str, ...], each: Measures) -> tuple[str, ...]:
    hr, mrr = f"{each.hr:.4f} ± {each.hr_se:.4f}", f"{each.mrr:.4f} ± {each.mrr_se:.4f}"
    return (*first, hr, mrr, f"{each.ndcg:.4f}")


def _list(lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    yield "\n".join(f"- {line}" for line in lines)


def _code(name: str) -> str:
    return f"`{name}`"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
