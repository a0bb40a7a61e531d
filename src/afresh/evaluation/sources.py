"""Sources: how many of the targets each one found, and what it found that no other did.

A target can only be shown when some source gives it, so this is where hits are lost, or are not.
"""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl

from afresh.evaluation.measures import Measure, mean
from afresh.evaluation.outcome import Outcome


class SourceRecall(msgspec.Struct, frozen=True):
    """recall: the share of targets among its candidates; alone: among its candidates and no
    others'; new: the recall of targets that the visitor had not touched."""

    source: str
    recall: Measure
    alone: Measure
    new: Measure


class Lost(msgspec.Struct, frozen=True):
    """Where the targets went, as shares: shown in the first k; not shown although a source gave
    them; given by no source although the state had an event of them; with no event yet."""

    k: int
    shown: float
    outranked: float
    not_found: float
    unknown: float


def recalls(outcome: Outcome) -> list[SourceRecall]:
    """Each source's, and last that of all together, by the name `all`."""
    targets = outcome.targets
    found = targets.select(f"found {name}" for name in outcome.sources).to_numpy()
    visitor, new = targets["visitor"].to_numpy(), ~targets["repeat"].to_numpy()
    by_how_many = found.sum(axis=1)
    said = []
    for at, name in enumerate([*outcome.sources, "all"]):
        mine = found[:, at] if at < found.shape[1] else by_how_many > 0
        alone = mine & (by_how_many == 1)
        said.append(
            SourceRecall(
                name,
                mean(mine.astype(np.float64), visitor),
                mean(alone.astype(np.float64), visitor),
                mean(mine[new].astype(np.float64), visitor[new]),
            )
        )
    return said


def lost(targets: pl.DataFrame, k: int) -> Lost:
    """Where the targets went."""
    rank, given = targets["rank"].to_numpy(), targets["candidate"].to_numpy()
    indexed = (targets["events"] > 0).to_numpy()
    shown = (rank > 0) & (rank <= k)
    parts = (
        shown, ~shown & given, ~shown & ~given & indexed, ~shown & ~given & ~indexed,
    )  # fmt: skip
    return Lost(k, *(round(float(part.mean()), 6) if len(part) else 0.0 for part in parts))
