"""Two evaluations of the same questions: what differs, and whether chance would do as much.

Each question is asked of both, so differences are looked at, not two means. Their mean has
a standard error robust to visitors, as in `measures`; the p-value is that of a paired
randomization test (Fisher; for rankings Smucker, Allan, Carterette, CIKM 2007): if nothing
differs, which of the two a visitor's differences favour is a coin's choice, so all the signs of a
visitor are turned together.
"""

from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.errors import BadRequest
from afresh.evaluation.measures import Values, mean, per_question
from afresh.evaluation.ranked import Judged

ROUNDS = 10_000
ONE = ("HR", "MRR", "NDCG")
"""The measures of one target; recall is HR then."""


class Difference(msgspec.Struct, frozen=True):
    """A measure of this run (ours) and of the other. low and high: the 95 % interval of ours minus
    theirs; p: how often chance alone differs as much."""

    measure: str
    k: int
    ours: float
    theirs: float
    difference: float
    low: float
    high: float
    p: float


class Comparison(msgspec.Struct, frozen=True):
    """questions: asked of both; left_out: those that only one was asked. model: the trained ranker
    whose order the other was, null for its surface's own."""

    against: str
    questions: int
    left_out: int
    differences: list[Difference]
    model: Judged | None = None


def compared(
    ours: pl.DataFrame, theirs: pl.DataFrame, at: tuple[int, ...], *, against: str,
    seed: int = 1, model: Judged | None = None,
) -> Comparison:  # fmt: skip
    """Two tables of targets, matched by event and item. model: what ranked theirs, if anything did.

    Raises BadRequest when none match.
    """
    keys = ["event", "item_name"]
    both = [frame.join(other, on=keys, how="semi") for frame, other in
            ((ours, theirs), (theirs, ours))]  # fmt: skip
    both = [_numbered(frame.sort("event", "item_name")) for frame in both]
    mine, other = both
    if not mine.height:
        raise BadRequest(
            "The two evaluations have no question in common.",
            hint="Take the same events, protocol, sample and seed.",
        )
    visitor = mine.unique("question", keep="first", maintain_order=True)["visitor"].to_numpy()
    rng = np.random.default_rng(seed)
    said = []
    for k in at:
        here, there = per_question(mine, k), per_question(other, k)
        said += [_difference(name, k, here[name], there[name], visitor, rng) for name in ONE]
    left = ours.height + theirs.height - mine.height - other.height
    return Comparison(against, len(visitor), left, said, model)


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Each target a question of its own: the two may have grouped them otherwise."""
    return frame.with_columns(pl.int_range(frame.height, dtype=pl.Int64).alias("question"))


def _difference(
    name: str, k: int, ours: Values, theirs: Values, visitor: NDArray[np.int64],
    rng: np.random.Generator,
) -> Difference:  # fmt: skip
    gap = ours - theirs
    said = mean(gap, visitor)
    value, se = said.value or 0.0, said.se or 0.0
    _, inverse = np.unique(visitor, return_inverse=True)
    return Difference(
        name, k, round(float(ours.mean()), 6), round(float(theirs.mean()), 6), value,
        round(value - 1.96 * se, 6), round(value + 1.96 * se, 6),
        chance(np.bincount(inverse, gap).astype(np.float64), rng),
    )  # fmt: skip


def chance(sums: Values, rng: np.random.Generator, rounds: int = ROUNDS) -> float:
    """How often random signs of float64[clusters] add up to as much; never less than 1 in
    rounds + 1."""
    sums = sums[sums != 0]
    if not len(sums):
        return 1.0
    seen, wanted = 0, abs(sums.sum()) * (1 - 1e-12)
    step = max(1, 4_000_000 // len(sums))
    for first in range(0, rounds, step):
        n = min(step, rounds - first)
        signs = rng.integers(0, 2, (n, len(sums)), dtype=np.int8) * 2 - 1
        seen += int((np.abs(signs @ sums) >= wanted).sum())
    return round((seen + 1) / (rounds + 1), 6)
