"""A given list: items that a caller names, in the caller's own order, with what only the caller
knows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class Given:
    """items: int64[k], in the caller's order, -1 for one that the state has never met; numbers:
    float64[k] by name, NaN where the caller says nothing."""

    items: NDArray[np.int64]
    numbers: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def head(self, most: int) -> Given:
        """Its first items, `most` of them."""
        numbers = {name: values[:most] for name, values in self.numbers.items()}
        return Given(self.items[:most], numbers)
