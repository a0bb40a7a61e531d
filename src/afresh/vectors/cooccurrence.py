"""Co-occurrence: which items stand near each other in people's visits, more than chance would have.

Each two of a visit that are at most REACH apart count by one over their distance. What is kept of a
pair is its positive pointwise mutual information, whose factors are what a skip-gram model would
learn (Levy, Goldberg: Neural word embedding as implicit matrix factorization, NIPS 2014). Counts
are raised to a power below one, so that what is rare is not taken for telling (Levy, Goldberg,
Dagan: Improving distributional similarity, TACL 2015, section 3.2).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

REACH = 5
SMOOTHED = 0.875
"""The power of both counts of a pair: of 1 and .75, the mean, as the matrix is symmetric."""
LONGEST = 200
"""The latest events of a visit that count: nobody, however busy, weighs more than so many."""


class Sparse(NamedTuple):
    """A symmetric matrix [n, n] by rows: row i has value[start[i]:start[i + 1]] float32 at the
    columns other[start[i]:start[i + 1]] int32, ascending."""

    start: NDArray[np.int64]
    other: NDArray[np.int32]
    value: NDArray[np.float32]

    def times(self, dense: NDArray[np.float32]) -> NDArray[np.float32]:
        """The product with float32[n, k]."""
        return np.asarray(_times(self.start, self.other, self.value, dense))


def information(
    visit: NDArray[np.int64], item: NDArray[np.int64], items: int
) -> Sparse:  # fmt: skip
    """The positive pointwise mutual information of items, [items, items].

    visit, item: int64[n], the events of a visit together and in their order.
    """
    start, other, weight = _pairs(visit, item, items)
    start, other, weight = _merged(start, other, weight)
    return Sparse(*_informed(start, other, weight))


@numba.njit(cache=True, nogil=True)
def _times(start, other, value, dense):  # type: ignore[no-untyped-def]
    out = np.zeros((len(start) - 1, dense.shape[1]), np.float32)
    for i in range(len(start) - 1):
        row = out[i]
        for at in range(start[i], start[i + 1]):
            v, column = value[at], dense[other[at]]
            for k in range(dense.shape[1]):
                row[k] += v * column[k]
    return out


@numba.njit(cache=True, nogil=True)
def _pairs(visit, item, items):  # type: ignore[no-untyped-def]
    """Pairs, both ways, by the first item: start int64[items + 1], the second items, weights."""
    start = np.zeros(items + 1, np.int64)
    for step in range(2):
        if step:
            start = np.cumsum(start)
            at = start.copy()
            other, weight = np.empty(start[-1], np.int32), np.empty(start[-1], np.float32)
        end = len(visit)  # where the visit at hand ends
        for i in range(len(visit) - 1, -1, -1):
            if i + 1 < len(visit) and visit[i + 1] != visit[i]:
                end = i + 1
            if end - i > LONGEST:
                continue
            for j in range(i + 1, min(i + REACH + 1, end)):
                a, b = item[i], item[j]
                if a == b:
                    continue
                if step:
                    other[at[a]], other[at[b]] = b, a
                    weight[at[a]] = weight[at[b]] = np.float32(1.0 / (j - i))
                    at[a] += 1
                    at[b] += 1
                else:
                    start[a + 1] += 1
                    start[b + 1] += 1
    return start, other, weight


@numba.njit(cache=True, nogil=True)
def _merged(start, other, weight):  # type: ignore[no-untyped-def]
    """The same with each pair once, in the place of what was given."""
    ends, used = np.zeros(len(start), np.int64), 0
    for i in range(len(start) - 1):
        row = other[start[i] : start[i + 1]].copy()
        worth = weight[start[i] : start[i + 1]].copy()
        first = used
        for at in np.argsort(row, kind="mergesort"):
            if used > first and other[used - 1] == row[at]:
                weight[used - 1] += worth[at]
            else:
                other[used], weight[used] = row[at], worth[at]
                used += 1
        ends[i + 1] = used
    return ends, other[:used], weight[:used]


@numba.njit(cache=True, nogil=True)
def _informed(start, other, weight):  # type: ignore[no-untyped-def]
    """Weights as information, what is not above zero left out, in the place of what was given."""
    n = len(start) - 1
    sums = np.zeros(n)
    for i in range(n):
        for at in range(start[i], start[i + 1]):
            sums[i] += weight[at]
    whole = np.log(max(np.sum(sums**0.75), 1e-300))
    ends, used = np.zeros(n + 1, np.int64), 0
    for i in range(n):
        for at in range(start[i], start[i + 1]):
            j = other[at]
            said = np.log(weight[at]) + whole
            said -= SMOOTHED * (np.log(sums[i]) + np.log(sums[j]))
            if said > 0.0:
                other[used], weight[used] = j, np.float32(said)
                used += 1
        ends[i + 1] = used
    return ends, other[:used].copy(), weight[:used].copy()
