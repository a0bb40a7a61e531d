"""Rows for other trainers: what a ranker would learn from, as a file of columns."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from afresh.app import App
from afresh.errors import AfreshError
from afresh.rank.trained import log_odds
from afresh.train.examples import Examples
from afresh.train.outcomes import Progress
from afresh.train.run import Wanted, gathered


class Written(NamedTuple):
    """How many rows of how many questions were written, and whence they are."""

    rows: int
    questions: int
    rows_from: str


def write_rows(
    app: App, folder: Path, wanted: Wanted, path: Path,
    progress: Progress = lambda stage, done, total: None,
) -> Written:  # fmt: skip
    """Write the rows that `trained` would learn from as Parquet, whole or not at all.

    Raises NotFound (surface), and AfreshError when the log gives none or the file cannot be
    written.
    """
    examples, _, rows_from = gathered(app, folder, wanted, None, progress)
    if not len(examples.x):
        raise AfreshError(
            "The log gives no rows.", hint="Import more history, or serve: answers leave traces."
        )
    beside = path.with_name(f".{path.name}.making")
    try:
        table(examples).write_parquet(beside)
        beside.replace(path)
    except OSError as error:
        raise AfreshError(
            f"{path} cannot be written: {error}", hint="Name another file."
        ) from error
    finally:
        beside.unlink(missing_ok=True)
    return Written(len(examples.x), len(examples), rows_from)


def table(examples: Examples) -> pl.DataFrame:
    """A row a candidate, those of a question together, questions in the order of the log:
    question, from 0; ts, of the question, UTC ms; grade, 0 for what was not taken, else from 1 up
    by weight; gain, what that is worth; own, the log-odds of the surface's own score, to which a
    model `--on-top` is added; then the columns of `afresh models columns`."""
    sizes = np.diff(examples.start)
    said = {
        "question": np.repeat(np.arange(len(examples)), sizes),
        "ts": np.repeat(examples.ts, sizes),
        "grade": examples.grade,
        "gain": np.array(examples.gains)[examples.grade],
        "own": log_odds(examples.own),
    }
    columns = {name: examples.x[:, at] for at, name in enumerate(examples.names)}
    return pl.DataFrame({**said, **columns})
