"""The page: one HTML file with everything an evaluation found; it asks no host for anything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from importlib.resources import files

import msgspec

from afresh.evaluation.charts import Bar, bars, curves, forest, stacked
from afresh.evaluation.freshness import freshness, lag_named
from afresh.evaluation.measures import NAMES, Measure
from afresh.evaluation.summary import Summary
from afresh.evaluation.terminal import conditions, ordered, warnings
from afresh.features.durations import text

_WENT = ("in the list", "found, outranked", "found by no source", "no event yet")


def page(found: Summary) -> str:
    """The whole page. The JSON of the summary is in it, in an element `summary`."""
    style = files("afresh.evaluation").joinpath("page.css").read_text(encoding="utf-8")
    data = msgspec.json.encode(found).decode().replace("<", "\\u003c")
    parts = [
        _head(found), _by_length(found), _segments(found), _lost(found), _sources(found),
        _beyond(found), _curve(found), _compared(found), _how(found),
    ]  # fmt: skip
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(found.app)}: evaluation</title><style>{style}</style>"
        f"<body>{''.join(parts)}"
        f'<script type="application/json" id="summary">{data}</script></body></html>\n'
    )


def _section(title: str, says: str, *body: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{escape(says)}</p>{''.join(body)}</section>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], summary: str = "The numbers") -> str:
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<details><summary>{escape(summary)}</summary><div class="wide"><table><tr>{cells}</tr>'
        f"{lines}</table></div></details>"
    )


def _tile(value: str, name: str) -> str:
    return f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>'


def _short(measure: Measure, digits: int = 3) -> str:
    return "–" if measure.value is None else f"{measure.value:.{digits}f}"


def _head(found: Summary) -> str:
    k = found.wanted.depth
    tiles = ""
    for name in NAMES if found.targets > found.questions else NAMES[:3]:
        measure = found.overall.measures[name][k]
        error = f" ± {measure.se:.3f}" if measure.se is not None else ""
        tiles += _tile(_short(measure), f"{name}@{k}{error}")
    warned = "".join(f'<p class="warning" role="note">{escape(w)}</p>' for w in warnings(found))
    return (
        f"<h1>{escape(found.app)}, {escape(found.wanted.surface)}</h1>"
        f'<p class="lead">{found.questions:,} questions of {found.overall.visitors:,} visitors for '
        f"{found.targets:,} of {found.events:,} events: {escape(conditions(found))}.</p>"
        f'{warned}<div class="tiles">{tiles}</div>'
    )


def _by_length(found: Summary) -> str:
    at = found.wanted.at
    rows = [
        [str(k), *(str(found.overall.measures[name][k]) for name in NAMES)] for k in at
    ]  # fmt: skip
    series = [
        (name, [(math.log2(k), found.overall.measures[name][k]) for k in at])
        for name in NAMES[: 4 if found.targets > found.questions else 3]
    ]
    plot = curves(series, [(math.log2(k), str(k)) for k in at], "Measures by length of list")
    says = "Each measure by the length of the list, with its 95 % band."
    return _section("How long the list must be", says, plot, _table(("k", *NAMES), rows))


def _segments(found: Summary) -> str:
    k = found.wanted.depth
    rows = [
        Bar(
            each.value, each.scores.measures["HR"][k],
            f"{each.scores.questions:,} ({each.share:.0%})", group=each.field,
        )
        for each in found.segments
    ]  # fmt: skip
    numbers = [
        [f"{each.field}: {each.value}", f"{each.scores.questions:,}",
         *(str(each.scores.measures[name][k]) for name in ("HR", "MRR", "NDCG"))]
        for each in found.segments
    ]  # fmt: skip
    return _section(
        "For whom, and for what",
        f"HR@{k} of the targets one by one, with 95 % whiskers; at the right, how many there are.",
        bars(rows, f"HR@{k} by segment"),
        _table(("segment", "targets", f"HR@{k}", f"MRR@{k}", f"NDCG@{k}"), numbers),
    )


def _lost(found: Summary) -> str:
    rows = [
        (f"k = {each.k}", (each.shown, each.outranked, each.not_found, each.unknown))
        for each in found.lost
    ]
    says = (
        "Every target once: in the list; given by a source but outranked or filtered; given by no "
        "source; or with no event that the state knew."
    )
    return _section("Where the hits are lost", says, stacked(rows, _WENT, "Where targets went"))


def _sources(found: Summary) -> str:
    rows = [
        Bar(each.source, each.recall, f"alone {_short(each.alone)}",
            (each.alone.value or 0.0) if each.source != "all" else 0.0)
        for each in found.sources
    ]  # fmt: skip
    numbers = [
        [each.source, str(each.recall), str(each.alone), str(each.new)] for each in found.sources
    ]
    return _section(
        "What each source finds",
        "The share of the targets among a source's candidates; darker, those that no other source "
        "found. Of all, at the right: those that one source alone found.",
        bars(rows, "Candidate recall by source"),
        _table(("source", "recall", "found alone", "recall of new items"), numbers),
    )


def _beyond(found: Summary) -> str:
    seen = found.beyond
    tiles = [
        _tile(f"{seen.coverage:.1%}", f"coverage: {seen.shown:,} of {seen.of:,} items"),
        _tile(f"{seen.gini:.3f}", "Gini of how often each is shown"),
        _tile(_short(seen.novelty, 1), "bits of novelty"),
    ]
    if seen.diversity is not None:
        tiles.append(_tile(_short(seen.diversity), "diversity inside a list"))
    if seen.empty:
        tiles.append(_tile(f"{seen.empty:.1%}", "of the places stayed empty"))
    says = f"Of the first {seen.k} of every list."
    return _section("Beyond hits", says, f'<div class="tiles">{"".join(tiles)}</div>')


def _curve(found: Summary) -> str:
    if not found.curve:
        return ""
    k = found.wanted.depth
    rows = [[p.behind, lag_named(p.lag), str(p.hr), str(p.young)] for p in found.curve]
    return _section(
        "What freshness is worth",
        f"HR@{k} of the same questions with the index behind while the request knows the session "
        "(and, of young items alone), and with the whole pipeline behind.",
        freshness(found),
        _table(("behind", "by", f"HR@{k}", "of young items"), rows),
    )


def _compared(found: Summary) -> str:
    if (both := found.compared) is None:
        return ""
    rows = [
        (f"{d.measure}@{d.k}", d.difference, d.low, d.high, f"{d.difference:+.4f}, p {d.p:.4f}")
        for d in both.differences
    ]
    says = (
        f"This run minus {both.against} ({ordered(both.model)}), on {both.questions:,} targets "
        "that both were asked; 95 % intervals, and the p-value of a paired randomization test "
        "over visitors."
    )
    numbers = [
        [f"{d.measure}@{d.k}", f"{d.ours:.4f}", f"{d.theirs:.4f}", f"{d.difference:+.4f}",
         f"{d.low:+.4f} to {d.high:+.4f}", f"{d.p:.4f}"]
        for d in both.differences
    ]  # fmt: skip
    table = _table(("", "this run", "the other", "difference", "95 %", "p"), numbers)
    return _section("Against the other run", says, forest(rows, "Differences"), table)


def _how(found: Summary) -> str:
    said = msgspec.to_builtins(found.wanted)
    for name in ("model_lag", "context_lag", "young"):
        said[name] = "frozen" if said[name] is None else text(said[name]) if said[name] else "0"
    for name in ("at", "by", "target", "context"):
        said[name] = ", ".join(map(str, said[name])) or "nothing"
    said["model"] = said["model"] or "none: the surface's own order"
    pairs = {
        "events": f"{found.events_file}: {found.events:,}, {found.rejected:,} rows not read",
        "items": f"{found.items:,}",
        "learned from": f"{found.learned:,} outcomes",
        "left out": ", ".join(f"{p}, {n:,} times" for p, n in found.left_out.items()) or "nothing",
        "took": f"{found.seconds:.0f} s",
        **{name.replace("_", " "): str(value) for name, value in said.items()},
    }
    body = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in pairs.items())
    return _section("How it was asked", found.candidates, f"<dl>{body}</dl>")
