"""A summary as lines of text, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from afresh.evaluation.measures import NAMES
from afresh.evaluation.off_policy import OffPolicy
from afresh.evaluation.ranked import Judged
from afresh.evaluation.summary import Summary
from afresh.features.durations import text

ASKED = {
    "time": "test-then-learn in time order",
    "last": "leave one out: each visitor's last event",
    "split": "the rows of the given split",
}


def conditions(found: Summary) -> str:
    """How it was asked, in one sentence."""
    wanted = found.wanted
    said = [ASKED[wanted.protocol]]
    if wanted.protocol == "time":
        lag = wanted.model_lag
        behind = "frozen" if lag is None else f"{text(lag)} behind" if lag else "up to the event"
        said.append(f"index {behind}")
    if wanted.context_lag:
        said.append(f"context {text(wanted.context_lag)} late")
    said.append(f"ties {wanted.ties}")
    if wanted.least:
        said.append(f"{wanted.least} events of the session known")
    if wanted.targets == "new":
        said.append("items new to the visitor alone")
    if wanted.hide_session:
        said.append("what the session has excluded")
    if wanted.show_seen:
        said.append("without the filter of seen items")
    said.append(ordered(found.model))
    return ", ".join(said)


def ordered(model: Judged | None) -> str:
    """Whose order it is."""
    return f"ranked by {model.name}" if model is not None else "in the surface's own order"


def warnings(found: Summary) -> list[str]:
    """What speaks against the figures, of this run and of the one that it is compared with."""
    other = None if found.compared is None else found.compared.model
    said = [each.warning for each in (found.model, other) if each is not None]
    return list(dict.fromkeys(text for text in said if text is not None))


def lines(found: Summary) -> Iterator[str]:
    """What a person wants to see first; all of it is in the JSON and on the page."""
    k = found.wanted.depth
    yield (
        f"{found.app}, surface {found.wanted.surface}: {found.questions:,} questions for "
        f"{found.targets:,} events, of {found.events:,}; {found.seconds:.0f} s"
    )
    yield conditions(found)
    yield found.candidates
    for warning in warnings(found):
        yield f"warning: {warning}"
    if found.rejected:
        yield f"{found.rejected:,} rows of the file could not be read"
    for part, times in found.left_out.items():
        yield f"{part} failed {times:,} times and was left out"
    yield ""
    yield f"{'k':>4}  " + "  ".join(f"{name:<15}" for name in NAMES)
    for length in found.wanted.at:
        cells = [str(found.overall.measures[name][length]) for name in NAMES]
        yield f"{length:>4}  " + "  ".join(f"{cell:<15}" for cell in cells)
    yield ""
    yield f"{'':<46}{'share':>6}  {f'HR@{k}':<15}  {f'MRR@{k}':<15}"
    for each in found.segments:
        hr, mrr = (each.scores.measures[name][k] for name in ("HR", "MRR"))
        name = f"{each.field}: {each.value}"
        yield f"{name[:45]:<46}{each.share:>6.1%}  {hr!s:<15}  {mrr!s:<15}"
    yield ""
    yield f"{'candidates by source':<46}{'':>6}  {'recall':<15}  {'found alone':<15}"
    for source in found.sources:
        yield f"{source.source[:45]:<54}{source.recall!s:<15}  {source.alone!s:<15}"
    where = found.lost[-1]
    yield (
        f"of all targets: {where.shown:.1%} shown, {where.outranked:.1%} found and outranked, "
        f"{where.not_found:.1%} found by no source, {where.unknown:.1%} had no event yet"
    )
    yield ""
    seen = found.beyond
    yield (
        f"shown: {seen.shown:,} of {seen.of:,} items ({seen.coverage:.1%}), Gini {seen.gini:.3f}, "
        f"novelty {seen.novelty} bits"
        + (f", diversity {seen.diversity}" if seen.diversity is not None else "")
    )
    for point in found.curve:
        lag = "frozen" if point.lag is None else text(point.lag) if point.lag else "0"
        yield f"{point.behind} {lag:<8} behind: HR@{k} {point.hr}, young items {point.young}"
    if found.compared is not None:
        yield ""
        yield (
            f"against {found.compared.against}, {ordered(found.compared.model)}; "
            f"{found.compared.questions:,} in common:"
        )
        for gap in found.compared.differences:
            yield (
                f"  {f'{gap.measure}@{gap.k}':<10} {gap.ours:.4f} − {gap.theirs:.4f} = "
                f"{gap.difference:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}], p {gap.p:.4f}"
            )


def off_policy_lines(found: OffPolicy) -> Iterator[str]:
    """The estimates, or why there are none."""
    yield (
        f"{found.rows:,} logged choices, reward {found.logged_value:.5f} each; effective samples "
        f"{found.effective:,.0f}"
    )
    if found.model is not None:
        yield ordered(found.model)
        if found.model.warning:
            yield f"warning: {found.model.warning}"
    if found.refused:
        yield f"refused: {found.refused}"
        return
    for each in found.estimates:
        yield (
            f"{each.name:<5} {each.value:.5f} ± {each.se:.5f}  [{each.low:.5f}, {each.high:.5f}]"
        )
