"""The tally of a scan: what each item it meets has got so far.

A scan first finds the items, then tallies them: waits for memory in the one overlap, as no
step of it rests on the one before, and the other stays within a Workspace.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def tally(items, values, row, met, scores, used):  # type: ignore[no-untyped-def]
    """Add values float32[n] to what items uint32[n] have in scores float32[rows]; returns how many
    rows are used, where `used` were before. The other arrays are those of a Workspace."""
    for k in range(len(items)):
        x = items[np.uint64(k)]
        # Whether an item is new cannot be guessed: both ways are one.
        place = row[x]
        new = place < 0
        place = np.int32(used) if new else place
        row[x], met[np.uint64(used)] = place, x
        used += new
        scores[np.uint32(place)] += values[np.uint64(k)]
    return used
