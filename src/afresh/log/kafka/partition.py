"""The partition of an owner: murmur2 of the key, as Kafka's own clients choose it.

Source: Apache Kafka, `org.apache.kafka.common.utils.Utils.murmur2` and `toPositive`.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.events.texts import as_bytes, split_column


@numba.njit(cache=True, nogil=True)
def _murmur2(data, starts, partitions, out):  # type: ignore[no-untyped-def]
    """out[i]: the partition of the key data[starts[i] : starts[i + 1] - 1]."""
    m, word = np.uint64(0x5BD1E995), np.uint64(0xFFFFFFFF)
    for i in range(len(starts) - 1):
        a, size = starts[i], starts[i + 1] - 1 - starts[i]
        h = np.uint64(0x9747B28C) ^ np.uint64(size)
        whole = size - size % 4
        for p in range(a, a + whole, 4):
            k = np.uint64(data[p]) | np.uint64(data[p + 1]) << np.uint64(8)
            k |= np.uint64(data[p + 2]) << np.uint64(16) | np.uint64(data[p + 3]) << np.uint64(24)
            k = (k * m) & word
            k ^= k >> np.uint64(24)
            k = (k * m) & word
            h = ((h * m) & word) ^ k
        rest = size - whole
        if rest == 3:
            h ^= np.uint64(data[a + whole + 2]) << np.uint64(16)
        if rest >= 2:
            h ^= np.uint64(data[a + whole + 1]) << np.uint64(8)
        if rest >= 1:
            h = ((h ^ np.uint64(data[a + whole])) * m) & word
        h ^= h >> np.uint64(13)
        h = (h * m) & word
        h ^= h >> np.uint64(15)
        out[i] = np.int64(h & np.uint64(0x7FFFFFFF)) % partitions


def partitions_of(keys: bytes, n: int, partitions: int) -> NDArray[np.int64]:
    """The partition of each of n keys, given as a text column: int64[n]."""
    data, out = as_bytes(keys), np.zeros(n, np.int64)
    if partitions > 1 and n:
        _murmur2(data, split_column(data, n), partitions, out)
    return out
