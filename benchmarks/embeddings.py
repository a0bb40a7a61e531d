"""What vectors learned from visits add, most of all for items that nobody or hardly anybody knows.

Orders of a wholesaler with the products' descriptions, asked line by line in the file's order, the
earlier lines known to the request. A fifth of the products are launched: whatever was bought of
them before the last month is taken away, so that in that month each is new, and then has one
event, and two. `afresh evaluate` asks, and fits the vectors every week of what was known by then.

HR@20 of products with no event before, of those with under five, and of all: with vectors of
descriptions alone, with those learned from visits alone; of a learned blend of the scans; with
sources by description; and with vectors from visits as well.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from afresh.evaluation.run import evaluate
from afresh.evaluation.summary import Summary
from afresh.evaluation.wanted import DAY_MS, Wanted
from afresh.loading import load
from benchmarks._histories import history
from benchmarks._machine import figure

APP = Path(__file__).parent / "_apps" / "launches.py"
SURFACES = ("trends", "taste", "visits", "scans", "text", "both")
KNOWN = {"no event": "none", "under five": "under 5"}


def launches(
    data: Path | None, folder: Path, days: float, seed: int = 0
) -> tuple[Path, Path, float, str]:
    """Files of events and items, the share of the events before the last `days`, what is
    missing."""
    path, missing = history("online_retail", data, folder)
    events = pl.read_parquet(path)
    names = events["item_id"].unique(maintain_order=True).sort()
    rng = np.random.default_rng(seed)
    new = pl.DataFrame({"item_id": names, "new": rng.random(len(names)) < 0.2})
    last = events["timestamp"].max()
    assert isinstance(last, int)
    cut = last - int(days * DAY_MS)
    events = events.join(new, on="item_id", maintain_order="left")
    events = events.filter(~(pl.col("new") & (pl.col("timestamp") < cut))).drop("new")
    events.write_parquet(folder / "launches.parquet")
    if missing:
        said = pl.DataFrame({"item_id": names}).with_columns(title=_group(pl.col("item_id")))
    else:
        assert data is not None
        items = pl.read_parquet(data / "online-retail" / "items.parquet")
        said = items.select(
            item_id=pl.col("item").cast(pl.String), title=pl.col("description").fill_null("")
        )
    said.write_parquet(folder / "items.parquet")
    before = (events["timestamp"] < cut).mean()
    assert isinstance(before, float)
    return folder / "launches.parquet", folder / "items.parquet", before, missing


def _group(name: pl.Expr) -> pl.Expr:
    """Of a made-up item the group that its visits stay in, as words."""
    number = name.str.slice(1).cast(pl.Int64)
    return pl.format("kind {} number {}", number // 20, number)


def hits(found: Summary, value: str) -> tuple[float, float, int]:
    """HR@20 of targets with so many known events, its standard error, and how many they are."""
    for segment in found.segments:
        if segment.value == value:
            measure = segment.scores.measures["HR"][20]
            return measure.value or 0.0, measure.se or 0.0, segment.scores.questions
    return 0.0, 0.0, 0


def main() -> None:
    parser = argparse.ArgumentParser(description="What vectors learned from visits add.")
    parser.add_argument("--smoke", action="store_true", help="made-up orders, to see that it runs")
    parser.add_argument("--data", type=Path, help="a folder with online-retail")
    parser.add_argument("--sample", type=int, metavar="N", help="questions to ask")
    wanted = parser.parse_args()
    data = None if wanted.smoke else wanted.data
    with tempfile.TemporaryDirectory() as folder:
        days = 30.0 if data is not None else 0.7
        events, items, before, missing = launches(data, Path(folder), days)
        app, runs = load(APP), {}
        for surface in SURFACES:
            asked = Wanted(
                surface=surface, warm_up=before, ties="in-order", hide_session=True, least=1,
                sample=wanted.sample, refit=7 * DAY_MS, learn=5000,
            )  # fmt: skip
            runs[surface] = evaluate(app, events, asked, items=items)
    for name, value in KNOWN.items():
        said = {surface: hits(found, value) for surface, found in runs.items()}
        best, without = said["both"], said["text"]
        figure(
            f"hr_20_{name.replace(' ', '_')}", best[0], "HR@20", must=without[0], aim=0.3,
            limit={"what": "the same without vectors from visits", "HR@20": without[0]},
            se=best[1], targets=best[2], each={s: v[0] for s, v in said.items()}, missing=missing,
        )  # fmt: skip
    whole = {s: found.overall.measures["HR"][20].value for s, found in runs.items()}
    figure(
        "hr_20_all", whole["both"] or 0.0, "HR@20", must=whole["text"] or 0.0, aim=0.3,
        limit={"what": "the same without vectors from visits", "HR@20": whole["text"]},
        each=whole, targets=runs["both"].targets, missing=missing,
    )  # fmt: skip


if __name__ == "__main__":
    main()
