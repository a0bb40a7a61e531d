"""Narrowing: the items whose text fields are as a question says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from afresh.catalog_state import CatalogState
from afresh.errors import BadRequest


def only_where(catalog: CatalogState, where: Mapping[str, str]) -> NDArray[np.bool_] | None:
    """bool[items]: which items have these values of text fields; None: nothing is said. Raises
    BadRequest for a field that is none."""
    only = None
    for name, value in where.items():
        if name not in catalog.labels:
            raise BadRequest(
                f"The catalogue has no text field {name!r}.",
                hint=f"It has: {', '.join(catalog.labels) or 'none'}.",
                path=f"$.{name}",
            )
        items = np.arange(len(catalog.items))
        here = np.asarray(catalog.take(name, items) == catalog.labels[name].find_one(value))
        if catalog.labels[name].find_one(value) < 0:
            here[:] = False
        only = here if only is None else only & here
    return only
