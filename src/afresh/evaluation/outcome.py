"""The outcome of an evaluation: a row a target, a list a question. Kept as a file to compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.errors import BadRequest
from afresh.evaluation.ranked import Judged
from afresh.evaluation.wanted import Wanted

COLUMNS = {
    "question": pl.Int64,
    "visitor": pl.Int64,
    "event": pl.String,
    "item": pl.Int64,
    "item_name": pl.String,
    "ts": pl.Int64,
    "rank": pl.Int64,
    "repeat": pl.Boolean,
    "age": pl.Int64,
    "known": pl.Int64,
    "events": pl.Int64,
    "candidate": pl.Boolean,
}
"""The columns of `targets`: question, a number from 0; visitor, a number; event, its id; item, into
`items`, and its name; ts, UTC ms; rank, 1 the best, 0 where it is not in the list; repeat, whether
the visitor had touched the item; age, ms since the item's first event, -1 for the first itself;
known, how many of the visitor's latest distinct items the request knew; events, how many of the
item the state held; candidate, whether any source gave it."""


@dataclass(slots=True)
class Outcome:
    """targets: a row a target, of COLUMNS and `found <source>` for each source. lists:
    int64[questions, depth] into `items`, -1 past the end; popularity: int64[items], events of
    each in the whole file. catalogue: how many items that has, 0 where there is none; learned:
    outcomes learned from; left_out: how often a part of the surface failed. seconds: how long
    it took; model: the trained ranker whose order it is, if one's."""

    wanted: Wanted
    targets: pl.DataFrame
    lists: NDArray[np.int64]
    items: list[str]
    sources: list[str]
    popularity: NDArray[np.int64]
    catalogue: int
    learned: int
    left_out: dict[str, int]
    seconds: float
    model: Judged | None = None

    @property
    def questions(self) -> int:
        return len(self.lists)

    def save(self, path: Path) -> None:
        """Write the targets as Parquet, with what was wanted and what ranked in its metadata."""
        said = {"afresh.wanted": self.wanted, "afresh.model": self.model}
        metadata = {name: msgspec.json.encode(value).decode() for name, value in said.items()}
        self.targets.write_parquet(path, metadata=metadata)


class Saved(NamedTuple):
    """What was written of an outcome: its fields of the same names."""

    wanted: Wanted
    targets: pl.DataFrame
    model: Judged | None


def load_targets(path: Path) -> Saved:
    """What `Outcome.save` wrote. Raises BadRequest when the file is none of those."""
    try:
        said = pl.read_parquet_metadata(path)
        wanted = msgspec.json.decode(said["afresh.wanted"], type=Wanted)
        model = msgspec.json.decode(said.get("afresh.model", "null"), type=Judged | None)
        return Saved(wanted, pl.read_parquet(path), model)
    except (OSError, KeyError, pl.exceptions.PolarsError, msgspec.MsgspecError) as error:
        raise BadRequest(
            f"{path} is no saved evaluation: {error}", hint="Write one with --save."
        ) from error


def lists_of(shown: Sequence[Sequence[int]], depth: int) -> NDArray[np.int64]:
    """Lists of numbers as rows, int64[n, depth], -1 past the end of each."""
    out = np.full((len(shown), depth), -1, np.int64)
    for row, items in enumerate(shown):
        out[row, : len(items)] = items
    return out
