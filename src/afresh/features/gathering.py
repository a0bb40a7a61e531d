"""Gathering: reads compiled for the kernels, a family's in one call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from afresh.features import merge
from afresh.features.people import Held
from afresh.features.plan import Plan, Read, Window
from afresh.features.windows import back, tile_range

_HOW = {"n": merge.SUM, "weight": merge.SUM, "sum": merge.SUM, "min": merge.LEAST,
        "max": merge.MOST, "min_ts": merge.LEAST, "max_ts": merge.MOST,
        "sq_low": merge.SUM, "sq_high": merge.SUM}  # fmt: skip


def how(plan: Plan, read: Read) -> int:
    """How a read's tiles are merged: one of merge.SUM, LEAST, MOST, DECAYED."""
    if read.window.kind == "decayed":
        return merge.DECAYED
    return _HOW[plan.families[read.family].slots[read.slot].op]


class Gather:
    """Reads of unsplit families. A read that comes twice is merged once: `places` says where
    in the merged numbers each of them stands."""

    def __init__(self, plan: Plan, reads: Sequence[Read]) -> None:
        place = {read: at for at, read in enumerate(dict.fromkeys(reads))}
        self.places = [place[read] for read in reads]
        self.width = len(place)
        self.sessions = [
            _Session(plan, r, c) for r, c in place.items() if r.window.kind == "session"
        ]
        families: dict[int, dict[Read, int]] = {}
        for read, at in place.items():
            if read.window.kind != "session":
                families.setdefault(read.family, {})[read] = at
        self.families = [_Family(plan, family, mine) for family, mine in families.items()]

    def __call__(
        self, tiles: Sequence[Held], keys: NDArray[np.int64], now: int
    ) -> NDArray[np.float64]:
        """Each distinct read's number for every key: float64[places, n]; an empty least or
        most is NaN. keys: int64[n], -1: nothing known."""
        parts = np.empty((self.width, len(keys)))
        for family in self.families:
            family.gather(tiles, keys, now, parts)
        for session in self.sessions:
            session.gather(tiles, keys, now, parts)
        return parts


class _Family:
    """The reads of one family, as merge.gather takes them."""

    def __init__(self, plan: Plan, family: int, reads: dict[Read, int]) -> None:
        self.family, self.width = family, plan.families[family].width
        whole = [read for read in reads if _is_open(read.window)]
        totals = sorted({(how(plan, read), read.slot) for read in whole})
        self.totals = _rows([(slot, kind) for kind, slot in totals], 2)
        windows: list[tuple[int, int]] = []
        rows: list[tuple[int, int]] = []
        for length in sorted({back(read.window) for read in whole}):
            for read in whole:
                if back(read.window) == length:
                    rows.append((totals.index((how(plan, read), read.slot)), reads[read]))
            windows.append((length, len(rows)))
        self.windows, self.reads = _rows(windows, 2), _rows(rows, 2)
        apart: list[tuple[int, ...]] = []
        weights: list[float] = []
        for read in sorted(set(reads) - set(whole), key=lambda read: back(read.window)):
            only = int(read.window.previous)
            kind, since = how(plan, read), back(read.window)
            apart.append((read.slot, kind, since, only, reads[read], len(weights)))
            weights += read.window.weights
        self.apart, self.weights = _rows(apart, 6), np.array(weights, np.float64)

    def gather(
        self,
        tiles: Sequence[Held],
        keys: NDArray[np.int64],
        now: int,
        parts: NDArray[np.float64],
    ) -> None:
        b = tiles[self.family].blocks
        merge.gather(
            keys, b.heads, b.pool, now, self.width, self.totals, self.windows, self.reads,
            self.apart, self.weights, parts,
        )  # fmt: skip


class _Session:
    """A read of a session window, as merge.gather_sessions takes it."""

    def __init__(self, plan: Plan, read: Read, at: int) -> None:
        assert read.touch is not None
        self.read, self.place, self.how = read, at, how(plan, read)
        self.touch = np.array(read.touch, np.int64)

    def gather(
        self,
        tiles: Sequence[Held],
        keys: NDArray[np.int64],
        now: int,
        parts: NDArray[np.float64],
    ) -> None:
        b, window = tiles[self.read.family].blocks, self.read.window
        merge.gather_sessions(
            keys, b.heads, b.pool, now, window.gap, tile_range(window, now)[0], self.touch,
            self.read.slot, self.how, self.place, parts,
        )  # fmt: skip


class GatherGroups:
    """The reads of a split feature, for one entity at a time."""

    def __init__(self, plan: Plan, reads: Sequence[Read]) -> None:
        self.reads = [
            (read, how(plan, read), np.array(read.window.weights, np.float64)) for read in reads
        ]

    def __call__(
        self, tiles: Sequence[Held], key: int, now: int, groups: int
    ) -> NDArray[np.float64]:
        """Each read's number by group: float64[reads, groups]; an empty least or most is NaN."""
        parts = np.empty((len(self.reads), groups))
        for part, (read, kind, weights) in zip(parts, self.reads, strict=True):
            b, window = tiles[read.family].blocks, read.window
            first, past = tile_range(window, now)
            at_tile = now // window.width
            if read.touch is not None:
                found = merge.session_start(
                    key, b.heads, b.pool, now, window.gap, first, *read.touch
                )
                first = int(found) if found >= 0 else at_tile + 1
            merge.gather_groups(
                key, b.heads, b.pool, first, past, at_tile, read.slot, kind, weights, part
            )
        return parts


def _is_open(window: Window) -> bool:
    return window.kind != "decayed" and not window.previous


def _rows(rows: Sequence[tuple[int, ...]], columns: int) -> NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(-1, columns)
