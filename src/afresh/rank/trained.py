"""A trained ranker: trees over the columns of a surface, looked over before it may rank.

It orders the best candidates that the surface's own scorer found, RERANKED of them: what it
was trained on is such lists, and a hundred trees over thousands of candidates would take longer
than the rest of the request.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from afresh.errors import AfreshError
from afresh.features.plan import Plan
from afresh.rank.columns import Columns
from afresh.rank.inputs import Inputs
from afresh.rank.manifest import Manifest, check_columns
from afresh.rank.registry import MODEL, Registry
from afresh.rank.trees import Trees, read_trees

RERANKED = 100
"""Candidates that a trained ranker orders; the others follow as they were."""
SLOWEST_MS = 10.0
"""What scoring RERANKED candidates may take at the self-test, the quickest of TRIES."""
TRIES = 5
FAINTEST = 1e-9
"""What a surface's own score is taken for where it is less."""


class Ranker(NamedTuple):
    """name: of the model; trees: over `columns`, those that the model does not read included.

    What the trees add is on top of the surface's own score: they say where that is wrong. given:
    it has learned from lists that callers gave, and there they add to nothing: most of such a
    list no source has found.
    """

    name: str
    columns: Columns
    trees: Trees
    given: bool = False

    def __call__(self, x: NDArray[np.float32], own: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds float64[n], up to a constant, of columns x float32[n, columns] and the surface's
        own scores float64[n], above zero."""
        return self.trees(x) + log_odds(own)


def log_odds(own: NDArray[np.float64]) -> NDArray[np.float64]:
    """From a surface's own scores, a softmax's probabilities or shares of a blend: float64[n]."""
    return np.log(np.maximum(own, FAINTEST))


class Chosen(NamedTuple):
    """What ranks a surface; refused: the model that should and cannot, "" where there is none."""

    ranker: Ranker | None = None
    refused: str = ""


def load_ranker(registry: Registry, name: str, plan: Plan, inputs: Inputs) -> Ranker:
    """A model, if it can rank a surface that brings these inputs.

    Raises NotFound, CorruptData, and AfreshError for one whose columns are no longer given, that
    scores what is no number, or that is slow.
    """
    manifest, files = registry.read(name)
    columns = check_columns(manifest, plan, inputs)
    trees = read_trees(files.get(MODEL, b"").decode("utf-8", "replace"), len(manifest.columns))
    _test(manifest, trees)
    at = {column: place for place, column in enumerate(columns.names)}
    places = np.array([at[column.name] for column in manifest.columns], np.int32)
    return Ranker(name, columns, trees.over(places), manifest.given)


def _test(manifest: Manifest, trees: Trees) -> None:
    """Score made-up candidates, some of them with what is missing, in time."""
    rng = np.random.default_rng(0)
    x = rng.lognormal(0.0, 3.0, (RERANKED, len(manifest.columns))).astype(np.float32)
    x[rng.random(x.shape) < 0.2] = np.nan
    x[0], x[1] = 0.0, np.nan
    took = []
    for _ in range(TRIES):
        began = time.perf_counter()
        scores = trees(x)
        took.append((time.perf_counter() - began) * 1000)
    if not np.isfinite(scores).all():
        raise AfreshError(
            f"The model {manifest.model} scores what is no number.", hint="Train it again."
        )
    if min(took) > SLOWEST_MS:
        raise AfreshError(
            f"The model {manifest.model} takes {min(took):.1f} ms for {RERANKED} candidates; "
            f"{SLOWEST_MS:g} ms are allowed.",
            hint="Train one with fewer trees.",
        )
