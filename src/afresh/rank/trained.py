"""A trained ranker: a model over the columns of a surface, looked over before it may rank.

It orders the best candidates that the surface's own scorer found, RERANKED of them: what it
was trained on is such lists, and a hundred trees over thousands of candidates would take longer
than the rest of the request. What kind of model it is, `models` knows; here all are alike.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from afresh.errors import AfreshError
from afresh.features.plan import Plan
from afresh.rank.columns import Columns
from afresh.rank.inputs import Inputs
from afresh.rank.manifest import Manifest, check_columns
from afresh.rank.models import Model, read_model
from afresh.rank.registry import Registry

RERANKED = 100
"""Candidates that a trained ranker orders; the others follow as they were."""
SLOWEST_MS = 10.0
"""What scoring RERANKED candidates may take at the self-test, the quickest of TRIES."""
TRIES = 5
FAINTEST = 1e-9
"""What a surface's own score is taken for where it is less."""


class Ranker(NamedTuple):
    """name: of the model; model: over `columns`, those that it does not read included; on_top:
    whether its scores are added to the log-odds of the surface's own, and so say where that is
    wrong, or stand in its place; given: it has learned from lists that callers gave, and there they
    are added to nothing: most of such a list no source has found.
    """

    name: str
    columns: Columns
    model: Model
    on_top: bool = True
    given: bool = False

    def __call__(self, x: NDArray[np.float32], own: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds float64[n], up to a constant, of columns x float32[n, columns] and the surface's
        own scores float64[n], above zero."""
        return self.model(x) + log_odds(own) if self.on_top else self.model(x)


def log_odds(own: NDArray[np.float64]) -> NDArray[np.float64]:
    """From a surface's own scores, a softmax's probabilities or shares of a blend: float64[n]."""
    return np.log(np.maximum(own, FAINTEST))


class Chosen(NamedTuple):
    """What ranks a surface; refused: the model that should and cannot, "" where there is none."""

    ranker: Ranker | None = None
    refused: str = ""


def load_ranker(registry: Registry, name: str, plan: Plan, inputs: Inputs) -> Ranker:
    """A model, if it can rank a surface that brings these inputs.

    Raises NotFound, CorruptData, MissingDependency, and AfreshError for one whose columns are no
    longer given, that scores what is no number, or that is slow.
    """
    return ranker_of(*registry.read(name), plan, inputs)


def ranker_of(manifest: Manifest, files: Mapping[str, bytes], plan: Plan, inputs: Inputs) -> Ranker:
    """What a manifest and its files make, whether they are in a registry or not yet. Raises as
    `load_ranker`."""
    columns = check_columns(manifest, plan, inputs)
    model = read_model(manifest, files)
    _test(manifest, model)
    at = {column: place for place, column in enumerate(columns.names)}
    places = np.array([at[column.name] for column in manifest.columns], np.int32)
    return Ranker(manifest.model, columns, model.over(places), manifest.on_top, manifest.given)


def _test(manifest: Manifest, model: Model) -> None:
    """Score made-up candidates, some of them with what is missing: always alike, and in time."""
    rng = np.random.default_rng(0)
    x = rng.lognormal(0.0, 3.0, (RERANKED, len(manifest.columns))).astype(np.float32)
    x[rng.random(x.shape) < 0.2] = np.nan
    x[0], x[1] = 0.0, np.nan
    took, given = [], []
    for _ in range(TRIES):
        began = time.perf_counter()
        given.append(model(x))
        took.append((time.perf_counter() - began) * 1000)
    given += [model(x[:1]).repeat(RERANKED)]  # of a short list, too
    if not np.isfinite(given).all():
        raise AfreshError(
            f"The model {manifest.model} scores what is no number.",
            hint="A column that is missing is NaN, and numbers may be great: train it again, or "
            "have the graph begin by putting something in the place of NaN.",
        )
    if any(not np.array_equal(given[0], each) for each in given[1:TRIES]):
        raise AfreshError(
            f"The model {manifest.model} scores the same candidates in different ways.",
            hint="Take out what draws at random, such as dropout.",
        )
    if min(took) > SLOWEST_MS:
        raise AfreshError(
            f"The model {manifest.model} takes {min(took):.1f} ms for {RERANKED} candidates; "
            f"{SLOWEST_MS:g} ms are allowed.",
            hint="Train a smaller one.",
        )
