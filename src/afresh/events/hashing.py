"""Hashes of events: of their id (128 bits) and of their content (64 bits).

Both are keyed by a secret, so that nobody outside can choose two ids that meet.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import EventBatch
from afresh.events.texts import as_bytes, split_column
from afresh.events.words import first_word, load_word


@numba.njit(cache=True, nogil=True)
def hash_bytes(data, a, b, seed, prefix):  # type: ignore[no-untyped-def]
    """A seeded 64-bit hash of prefix and data[a:b], eight bytes a step (murmur3's mixer)."""
    size = b - a
    h = seed ^ (np.uint64(prefix) + np.uint64(size) * np.uint64(0x9E3779B97F4A7C15))
    end = b - size % 8
    for p in range(a, end, 8):
        h = (h ^ load_word(data, np.uint64(p))) * np.uint64(0xFF51AFD7ED558CCD)
        h ^= h >> np.uint64(32)
    word = first_word(data, end, b - end)
    h = (h ^ word) * np.uint64(0xFF51AFD7ED558CCD)
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(33))


@numba.njit(cache=True, nogil=True)
def _hash_column(data, starts, seed, out):  # type: ignore[no-untyped-def]
    for i in range(len(starts) - 1):
        out[i] = hash_bytes(data, starts[i], starts[i + 1] - 1, seed ^ out[i], 0)


@numba.njit(cache=True, nogil=True)
def _hash_numbers(numbers, seed, out):  # type: ignore[no-untyped-def]
    for i in range(len(numbers)):
        h = (out[i] ^ np.uint64(numbers[i])) * np.uint64(0xFF51AFD7ED558CCD) + seed
        out[i] = h ^ (h >> np.uint64(32))


def hash_ids(batch: EventBatch, seeds: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """128 bits of each event id: uint64[2, n], from two of the three seeds."""
    data = as_bytes(batch.texts["event_id"])
    starts = split_column(data, batch.n)
    out = np.zeros((2, batch.n), np.uint64)
    for half in range(2):
        _hash_column(data, starts, seeds[half], out[half])
    return out


def hash_owned_ids(batch: EventBatch, seeds: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """128 bits of each event's id and owner, its user or else its session: uint64[2, n]."""
    columns = {}
    for name in ("event_id", "user_id", "session_id"):
        data = as_bytes(batch.texts[name])
        columns[name] = data, split_column(data, batch.n)
    of_user = np.diff(columns["user_id"][1]) > 1
    out = np.zeros((2, batch.n), np.uint64)
    for half, seed in enumerate(seeds):
        _hash_column(*columns["event_id"], seed, out[half])
        of_session = ~out[half]  # so that no session passes for a user of its name
        _hash_column(*columns["user_id"], seed, out[half])
        _hash_column(*columns["session_id"], seed, of_session)
        out[half] = np.where(of_user, out[half], of_session)
    return out


def hash_content(batch: EventBatch, seeds: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """64 bits of everything the sender said but the id: uint64[n].

    To be called before admission changes a timestamp or adds the catalogue's columns.
    A column without a value in this event says nothing, so it does not count: the hash
    must not depend on what else was in the request.
    """
    names = np.array([_salt(name, seeds) for name in batch.types], np.uint64)
    out = names[batch.type]
    _hash_numbers(np.array(batch.ts), seeds[2], out)
    for name in ("user_id", "item_id", "session_id"):
        data = as_bytes(batch.texts[name])
        _hash_column(data, split_column(data, batch.n), seeds[2], out)
    for name in sorted([*batch.numbers, *batch.texts]):
        if name in batch.numbers:
            salt, column = _salt(name, seeds), np.array(batch.numbers[name])
            here = column != np.iinfo(np.int64).min
            mixed = out.copy()
            _hash_numbers(column, salt, mixed)
        elif name in ("event_id", "user_id", "item_id", "session_id"):
            continue
        else:
            salt, data = _salt(name, seeds), as_bytes(batch.texts[name])
            starts = split_column(data, batch.n)
            here = np.diff(starts) > 1
            mixed = out.copy()
            _hash_column(data, starts, salt, mixed)
        out = np.where(here, mixed, out)
    return out


def _salt(name: str, seeds: NDArray[np.uint64]) -> np.uint64:
    data = np.frombuffer(name.encode(), np.uint8)
    return np.uint64(hash_bytes(data, 0, len(data), seeds[2], 0))
