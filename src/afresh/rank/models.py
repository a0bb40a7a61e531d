"""Kinds of models: what all of them do, and which file of a registry's folder each is read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from afresh.rank.graph import read_graph
from afresh.rank.manifest import LIGHTGBM, Manifest
from afresh.rank.registry import GRAPH, MODEL
from afresh.rank.trees import read_trees


class Model(Protocol):
    """Numbers of candidates in, scores out. It is called from any thread, holds no state between
    calls, and gives the same scores to the same rows."""

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """The score of each row: float64[n] of x float32[n, columns]."""
        ...

    def names(self, columns: Sequence[str]) -> tuple[str, ...]:
        """What `added` tells apart, where the columns have these names."""
        ...

    def added(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """What adds up to each score: float64[n, names]."""
        ...

    def over(self, columns: NDArray[np.int32]) -> Model:
        """The same, where number f of a row is found in column columns[f]."""
        ...


def read_model(manifest: Manifest, files: Mapping[str, bytes]) -> Model:
    """The model that a manifest describes, of its columns in their order.

    Raises CorruptData for a file that holds none such, MissingDependency.
    """
    width = len(manifest.columns)
    if manifest.kind == LIGHTGBM:
        return read_trees(files.get(MODEL, b"").decode("utf-8", "replace"), width)
    return read_graph(files.get(GRAPH, b""), width)
