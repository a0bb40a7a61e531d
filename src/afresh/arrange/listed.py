"""A list: the candidates that may be shown, best first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.retrieve.top import top


@numba.njit(cache=True, nogil=True)
def _head(items, scores, kept, most):  # type: ignore[no-untyped-def]
    """Items, scores and rows of the `most` best that are kept, bool[n]."""
    rows = np.flatnonzero(kept)
    rows = rows[top(scores[rows], items[rows], most)]
    return items[rows], scores[rows], rows


@dataclass(frozen=True, slots=True)
class Listed:
    """items: int64[n], distinct; scores: float64[n]; rows: int64[n], where each stands among the
    candidates, -1 for one that was none."""

    items: NDArray[np.int64]
    scores: NDArray[np.float64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def of(
        cls,
        items: NDArray[np.int64],
        scores: NDArray[np.float64],
        kept: NDArray[np.bool_] | None = None,
        most: int | None = None,
    ) -> Listed:
        """The candidates that are kept, or the `most` best of them; ties go to the item with the
        lower number."""
        kept = np.ones(len(items), np.bool_) if kept is None else kept
        return cls(*_head(items, scores, kept, len(items) if most is None else most))

    def take(self, which: NDArray[Any]) -> Listed:
        """Those that are named: rows int64[k], or bool[n]."""
        return Listed(self.items[which], self.scores[which], self.rows[which])

    def and_then(self, items: NDArray[np.int64]) -> Listed:
        """With items behind that nobody has scored."""
        return Listed(
            np.concatenate([self.items, items]),
            np.concatenate([self.scores, np.zeros(len(items))]),
            np.concatenate([self.rows, np.full(len(items), -1)]),
        )
