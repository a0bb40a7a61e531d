"""The freshness curve as a plot: hits against how far the index, or all of it, is behind."""

from __future__ import annotations

from collections.abc import Sequence

from afresh.evaluation.charts import curves
from afresh.evaluation.measures import Measure
from afresh.evaluation.summary import Point, Summary
from afresh.features.durations import text


def freshness(found: Summary) -> str:
    """A figure of an evaluation that has a curve."""
    lags = list(dict.fromkeys(point.lag for point in found.curve))
    place = {lag: float(at) for at, lag in enumerate(lags)}
    index = [point for point in found.curve if point.behind == "index"]
    late = [point for point in found.curve if point.behind == "pipeline"]

    def line(points: Sequence[Point], young: bool = False) -> list[tuple[float, Measure]]:
        return [(place[p.lag], p.young if young else p.hr) for p in points]

    series = [
        ("index behind", line(index)),
        ("all behind", line([*index[:1], *late])),
        ("young items", line(index, young=True)),
    ]
    return curves(series, [(place[lag], lag_named(lag)) for lag in lags], "Hits by lag")


def lag_named(lag: int | None) -> str:
    """A lag, ms, as a plot says it; None: the index stays as it was."""
    return "frozen" if lag is None else text(lag) if lag else "0"
