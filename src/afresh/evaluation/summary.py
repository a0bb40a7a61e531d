"""The summary of an evaluation: everything that was found, as plain data for JSON and the page."""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.evaluation.beyond import Beyond, beyond
from afresh.evaluation.compare import Comparison
from afresh.evaluation.measures import Measure, Scores, scores
from afresh.evaluation.outcome import Outcome
from afresh.evaluation.ranked import Judged
from afresh.evaluation.segments import Segment, segments
from afresh.evaluation.sources import Lost, SourceRecall, lost, recalls
from afresh.evaluation.stream import Stream
from afresh.evaluation.wanted import Wanted


class Point(msgspec.Struct, frozen=True):
    """One lag of the freshness curve: HR at the greatest k. behind: `index` alone, or `pipeline`,
    what the visitor did included; lag: ms, null for an index that stays as it was."""

    behind: str
    lag: int | None
    hr: Measure
    young: Measure


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """candidates: what could have been in a list, in words. learned: outcomes learned from;
    left_out: parts of the surface that failed, and how often.
    seconds: how long asking took; curve: empty unless asked for. model: the trained ranker whose
    order was judged, null for the surface's own."""

    app: str
    events_file: str
    wanted: Wanted
    events: int
    items: int
    rejected: int
    questions: int
    targets: int
    candidates: str
    learned: int
    left_out: dict[str, int]
    seconds: float
    overall: Scores
    segments: list[Segment]
    sources: list[SourceRecall]
    lost: list[Lost]
    beyond: Beyond
    curve: list[Point]
    compared: Comparison | None
    model: Judged | None = None


def summary(
    app: str, file: str, stream: Stream, outcome: Outcome, catalogue: pl.DataFrame | None,
    *, curve: list[Point], comparison: Comparison | None,
) -> Summary:  # fmt: skip
    """catalogue: records of items by `item_id`, where there are such."""
    wanted, targets = outcome.wanted, outcome.targets
    known = len(stream.items)
    of = max(outcome.catalogue, 0) or known
    return Summary(
        app=app,
        events_file=file,
        wanted=wanted,
        events=len(stream),
        items=of,
        rejected=len(stream.rejects),
        questions=outcome.questions,
        targets=targets.height,
        candidates=_candidates(outcome),
        learned=outcome.learned,
        left_out=outcome.left_out,
        seconds=round(outcome.seconds, 2),
        overall=scores(targets, wanted.at),
        segments=segments(outcome, wanted.depth, stream.columns, catalogue),
        sources=recalls(outcome),
        lost=[lost(targets, k) for k in wanted.at],
        beyond=beyond(outcome.lists, outcome.popularity, of, _fields(outcome, catalogue)),
        curve=curve,
        compared=comparison,
        model=outcome.model,
    )


def point(outcome: Outcome, behind: str, lag: int | None) -> Point:
    """One lag's hits, of all targets and of those of young items."""
    age = pl.col("age")
    young = outcome.targets.filter((age >= 0) & (age < outcome.wanted.young))
    young = young.with_columns(pl.int_range(young.height, dtype=pl.Int64).alias("question"))
    k = outcome.wanted.depth
    hr, young_hr = (scores(each, [k]).measures["HR"][k] for each in (outcome.targets, young))
    return Point(behind, lag, hr, young_hr)


def _candidates(outcome: Outcome) -> str:
    said = (
        "Full ranking: no item is left out by sampling. The list is the surface's own, of what its "
        "sources find"
    )
    if outcome.catalogue:
        said += ", then of the rest of the catalogue, newest first"
    return f"{said}; what does not stand in its first {outcome.wanted.depth} counts as not found."


def _fields(outcome: Outcome, catalogue: pl.DataFrame | None) -> NDArray[np.int64] | None:
    """The catalogue's texts as numbers, int64[items, fields]; those that nearly every item has
    for itself, such as titles, are left out."""
    if catalogue is None:
        return None
    of_items = pl.DataFrame({"item_id": outcome.items}).join(
        catalogue.unique("item_id", keep="last"), on="item_id", how="left", maintain_order="left"
    )
    columns = [
        of_items[name].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
        for name in of_items.columns
        if name != "item_id"
        and of_items.schema[name] == pl.String
        and 1 < of_items[name].n_unique() < 0.5 * of_items.height
    ]
    return np.stack(columns, axis=1) if columns else None
