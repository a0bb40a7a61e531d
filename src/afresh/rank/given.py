"""What a given list says of each of its items: its place, and the numbers that came with it.

The caller's order is known when a list is asked for as well as when it is learned from, so a ranker
may read it. All of these are NaN where no list was given.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.retrieve.given import Given

PLACED = (
    "place in the given list", "places below this session's latest in it",
    "places below this visitor's latest in it", "length of the given list",
    "items of the given list that this visitor knows",
)  # fmt: skip
"""Places count from 0. The second and third are below zero of what stands above, and NaN where
nothing of the list was touched."""


def number_names(name: str, against: str) -> tuple[str, ...]:
    """The columns of a number that a caller gives; against: the user's feature that it is held
    against, "" for none."""
    made = (f"given {name}", f"place by given {name}", f"given {name} to the list's mean")
    return (*made, f"given {name} to {against}") if against else made


def placed(
    given: Given, visit: NDArray[np.int64], latest: NDArray[np.int64], times: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The columns PLACED of a list of k items: float64[k, 5]. visit, latest: the items of this
    session and of this visitor, newest first, int64 each; times: float64[k], how often the visitor
    touched each."""
    k = len(given.items)
    out, place = np.empty((k, len(PLACED))), np.arange(k)
    out[:, 0] = place
    out[:, 1] = place - _first(given.items, visit)
    out[:, 2] = place - _first(given.items, latest)
    out[:, 3] = k
    out[:, 4] = np.count_nonzero(times)
    return out


def numbered(values: NDArray[np.float64] | None, k: int) -> NDArray[np.float64]:
    """The first three columns of a number, float64[k], NaN where it is not known; None: the caller
    did not say it. Its place counts how many of the list have less: float64[k, 3]."""
    out = np.full((k, 3), np.nan)
    if values is not None and (said := ~np.isnan(values)).any():
        known = values[said]
        out[:, 0] = values
        out[said, 1] = np.searchsorted(np.sort(known), known)
        out[:, 2] = to(values, float(known.mean()))
    return out


def to(values: NDArray[np.float64], whole: float) -> NDArray[np.float64]:
    """What values float64[k] are as shares of a whole; NaN of none."""
    return values / whole if whole and whole == whole else np.full(len(values), np.nan)


@numba.njit(cache=True, nogil=True)
def _first(items, wanted):  # type: ignore[no-untyped-def]
    """Where the first of wanted int64[w] that is among items int64[k] stands there; NaN: none is.
    An item of -1 is nobody's."""
    for w in range(len(wanted)):
        for j in range(len(items)):
            if items[j] == wanted[w] and items[j] >= 0:
                return float(j)
    return np.nan
