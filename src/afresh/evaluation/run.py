"""One evaluation from files to its summary: what `afresh evaluate` does."""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl

from afresh.app import App
from afresh.errors import BadRequest
from afresh.evaluation.compare import compared
from afresh.evaluation.outcome import Outcome, load_targets
from afresh.evaluation.ranked import Ranked, ranked
from afresh.evaluation.stream import Progress, Stream, read_stream
from afresh.evaluation.summary import Point, Summary, point, summary
from afresh.evaluation.walk import evaluated
from afresh.evaluation.wanted import FRESHNESS, Wanted
from afresh.log.files import frame_to_records, read_items


def evaluate(
    app: App, events: Path, wanted: Wanted, *, items: Path | None = None, test: str | None = None,
    freshness: bool = False, save: Path | None = None, against: Path | None = None,
    models: Path = Path("models"),
    progress: Progress = lambda stage, done, total: None,
) -> Summary:  # fmt: skip
    """Ask, and say what came of it.

    items: a file of the catalogue; test: COLUMN=VALUE, the rows that `split` asks; freshness: the
    same questions again at other lags; save, against: files of targets, to write and to compare;
    models: the folder of the registry that has `wanted.model`.
    Raises BadRequest for files that cannot be read and questions that cannot be asked, and for a
    model as `ranked`.
    """
    plan = app.plan()
    ranker = ranked(app, models, wanted) if wanted.model else None
    if ranker is not None:
        wanted = msgspec.structs.replace(wanted, model=ranker.ranker.name)
    stream = read_stream(
        events, plan.accepted, ties=wanted.ties, seed=wanted.seed, test=test, progress=progress
    )
    known, records = catalogue(app, items)
    other = None if against is None else load_targets(against)
    outcome = evaluated(app, stream, wanted, items=records, ranked=ranker, progress=progress)
    if save is not None:
        outcome.save(save)
    comparison = None
    if other is not None:
        comparison = compared(
            outcome.targets, other.targets, wanted.at, against=str(against), seed=wanted.seed,
            model=other.model,
        )  # fmt: skip
    curve = _curve(app, stream, wanted, records, ranker, outcome, progress) if freshness else []
    return summary(
        app.name, events.name, stream, outcome, known, curve=curve, comparison=comparison
    )


def catalogue(app: App, path: Path | None) -> tuple[pl.DataFrame | None, bytes]:
    """The records of a file as a frame, and as the lines that the fold takes."""
    if path is None:
        return None, b""
    frames, lines = [], []
    for frame in read_items(path):
        said = frame_to_records(frame, app.plan().catalog.fields)
        if said.rejected:
            first = said.rejected[0]
            raise BadRequest(
                f"Row {first.row} of {path} cannot be taken: {first.detail}",
                hint=f"{first.code} at {first.path}; `afresh import` would leave it out.",
            )
        lines += said.lines
        frames.append(frame.drop("row"))
    return pl.concat(frames, how="diagonal_relaxed"), b"\n".join(lines)


def _curve(
    app: App, stream: Stream, wanted: Wanted, records: bytes, ranker: Ranked | None,
    first: Outcome, progress: Progress,
) -> list[Point]:  # fmt: skip
    """Hits by lag: of the index alone, then of the whole pipeline."""
    if wanted.protocol != "time":
        raise BadRequest(
            "A freshness curve needs time: --protocol time.", hint="Leave --freshness out."
        )
    lags = [("index", lag) for lag in FRESHNESS] + [("pipeline", lag) for lag in FRESHNESS if lag]
    points = []
    for done, (behind, lag) in enumerate(lags):
        progress("freshness", done, len(lags))
        context = lag if behind == "pipeline" and lag is not None else 0
        asked = msgspec.structs.replace(wanted, model_lag=lag, context_lag=context)
        made = first
        if asked != wanted:
            made = evaluated(app, stream, asked, items=records, ranked=ranker)
        points.append(point(made, behind, lag))
    progress("freshness", len(lags), len(lags))
    return points
