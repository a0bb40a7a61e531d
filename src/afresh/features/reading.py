"""The one reader: from facts to values.

`Reader.matrix` is the gather behind ranking: candidates x features, float32.
`Reader.values` is what a person asks for by name. Means, ratios, decay and
windows are computed here and nowhere else (float64, rounded once to float32).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from afresh.errors import NotFound
from afresh.features import merge
from afresh.features.columns import band_labels
from afresh.features.engines.embedded import State
from afresh.features.plan import Feature, Read
from afresh.features.suggest import did_you_mean
from afresh.features.tiles import HIGH, LOW, Tiles
from afresh.features.windows import tile_range

HOW = {"n": merge.SUM, "weight": merge.SUM, "sum": merge.SUM, "min": merge.LEAST, "max": merge.MOST,
       "min_ts": merge.LEAST, "max_ts": merge.MOST}  # fmt: skip

Value = float | int | None | list[str] | dict[str, float | None]


class Reader:
    """Reads one state. Features are asked for by name; `key` says what kind of entity."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.by_name = {feature.name: feature for feature in state.plan.features}

    def feature(self, name: str) -> Feature:
        """Raises NotFound, with the nearest names, when the plan has no such feature."""
        try:
            return self.by_name[name]
        except KeyError:
            raise NotFound(
                f"There is no feature {name!r}.", hint=did_you_mean(name, self.by_name)
            ) from None

    def matrix(
        self, keys: NDArray[np.int64], features: Sequence[Feature], now: int
    ) -> NDArray[np.float32]:
        """Values of unsplit numeric features for many entities: float32[n, features].

        keys: int64[n], numbers of entities of the features' key, -1 for one never seen.
        Null is NaN.
        """
        out = np.empty((len(keys), len(features)), np.float32)
        reads = [read for feature in features for read in feature.reads]
        merged = self.merge(keys, reads, now)
        at = 0
        for column, feature in enumerate(features):
            parts = merged[at : at + len(feature.reads)]
            out[:, column] = finish(feature, parts)
            at += len(feature.reads)
        return out

    def merge(
        self, keys: NDArray[np.int64], reads: Sequence[Read], now: int
    ) -> list[NDArray[np.float64]]:
        """Each read's number for every key: float64[n] a read; an empty least or most is NaN."""
        out: list[NDArray[np.float64]] = [np.empty(0)] * len(reads)
        by_family: dict[int, list[int]] = {}
        for at, read in enumerate(reads):
            if read.window.kind == "session":
                out[at] = self._session(keys, read, now)
            else:
                by_family.setdefault(read.family, []).append(at)
        for family, places in by_family.items():
            columns = _merge_family(self.state.tiles[family], keys, [reads[p] for p in places], now)
            for place, column in zip(places, columns, strict=True):
                out[place] = column
        return out

    def _session(self, keys: NDArray[np.int64], read: Read, now: int) -> NDArray[np.float64]:
        tiles = self.state.tiles[read.family]
        out = np.empty(len(keys))
        for at, key in enumerate(keys.tolist()):
            first = self._first_tile(tiles, key, read, now)
            out[at] = _merge_family(tiles, keys[at : at + 1], [read], now, first)[0][0]
        return out

    def _first_tile(self, tiles: Tiles, key: int, read: Read, now: int) -> int | None:
        """Where a session window begins for this key; other windows begin where they always do."""
        if read.window.kind != "session" or read.touch is None:
            return None
        first, _ = tile_range(read.window, now)
        b = tiles.blocks
        found = int(
            merge.session_start(key, b.heads, b.pool, now, read.window.gap, first, *read.touch)
        )
        return found if found >= 0 else now // read.window.width + 1

    def groups(self, key: int, feature: Feature, now: int) -> dict[str | None, float]:
        """A split feature of one entity: group name (None: no value) -> value, by name.

        A group of which every read is 0 or null is left out.
        """
        assert feature.split is not None
        labels = self.group_names(feature.split)
        parts = [
            _merge_split(
                tiles := self.state.tiles[read.family], key, read, now, len(labels) + 1,
                self._first_tile(tiles, key, read, now),
            )
            for read in feature.reads
        ]  # fmt: skip
        # Which features share a family must not show: a group counts once a read knows it.
        known = np.logical_or.reduce([(part != 0) & ~np.isnan(part) for part in parts])
        values = finish(feature, parts)
        found = np.flatnonzero(known).tolist()
        named = [(labels[g - 1] if g else None, float(values[g])) for g in found]
        return dict(sorted(named, key=lambda pair: (pair[0] is None, pair[0] or "")))

    def group_names(self, split: int) -> list[str]:
        """Names of the groups 1, 2, ... of a splitting input."""
        source = self.state.plan.inputs[split]
        if source.bands:
            return band_labels(source.bands)
        interner = self.state.groups[split]
        return [interner.text(number) for number in range(len(interner))]

    def recent(self, key: int, feature: Feature, now: int) -> list[str]:
        """The items of a `last` feature, newest first, each event one entry."""
        assert feature.sequence is not None
        state, spec = self.state, self.state.plan.sequences[feature.sequence]
        rows = state.sequences[feature.sequence].rows(state.facts, key, state.newest)
        rows = rows[state.facts.ts[rows] >= now - spec.within][::-1][: feature.n or spec.n]
        return state.items.texts(state.facts.item[rows])

    def values(self, key: str, names: list[str], features: Sequence[Feature], now: int) -> list[
        dict[str, Value]
    ]:  # fmt: skip
        """One row an entity, as a person reads it: {feature: value}, null for the unknown."""
        numbers = self.state.find(key, names)
        plain = [f for f in features if f.kind != "last" and f.split is None]
        matrix = self.matrix(numbers, plain, now) if plain else None
        rows: list[dict[str, Value]] = []
        for at, number in enumerate(numbers.tolist()):
            row: dict[str, Value] = {}
            for feature in features:
                if feature.kind == "last":
                    row[feature.name] = self.recent(number, feature, now)
                elif feature.split is not None:
                    row[feature.name] = {
                        "" if group is None else group: readable(value)
                        for group, value in self.groups(number, feature, now).items()
                    }
                else:
                    assert matrix is not None
                    row[feature.name] = readable(matrix[at, plain.index(feature)])
            rows.append(row)
        return rows


def finish(feature: Feature, parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float32]:
    """From merged parts to the value, float64 throughout, rounded once."""
    scale, scale2 = 10.0**feature.places, 10.0**feature.places2
    if feature.kind == "mean":
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.where(parts[1] > 0, parts[0] / scale / parts[1], np.nan)
    elif feature.kind == "ratio":
        above, below = feature.prior or (0.0, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            value = (parts[0] / scale + above) / (parts[1] / scale2 + below)
        value[~np.isfinite(value)] = np.nan
    else:
        value = parts[0] / scale
    return value.astype(np.float32)


def readable(value: float | np.floating) -> float | int | None:
    """A float32 as JSON has it: null for NaN, an integer where it is one, else the shortest."""
    if np.isnan(value):
        return None
    if float(value).is_integer():
        return int(value)
    return float(str(np.float32(value)))


def _merge_family(
    tiles: Tiles, keys: NDArray[np.int64], reads: Sequence[Read], now: int, first: int | None = None
) -> list[NDArray[np.float64]]:
    ranges = np.array([tile_range(read.window, now) for read in reads], np.int64).T
    if first is not None:
        ranges[0] = first
    slots = np.array([read.slot for read in reads], np.int64)
    how = np.array([_how(tiles, read) for read in reads], np.int64)
    tables = [np.array(read.window.weights) for read in reads]
    offsets = np.cumsum([0, *map(len, tables)], dtype=np.int64)
    at_tile = np.array([now // read.window.width for read in reads], np.int64)
    exact = np.empty((len(keys), len(reads)), np.int64)
    decayed = np.empty((len(keys), len(reads)), np.float64)
    b = tiles.blocks
    merge.merge(
        keys, b.heads, b.pool, ranges[0].copy(), ranges[1].copy(),
        slots, how, at_tile, np.concatenate(tables), offsets, exact, decayed,
    )  # fmt: skip
    return [_as_float(exact[:, r], decayed[:, r], int(how[r])) for r in range(len(reads))]


def _merge_split(
    tiles: Tiles, key: int, read: Read, now: int, groups: int, first: int | None
) -> NDArray[np.float64]:
    begin, past = tile_range(read.window, now)
    how = _how(tiles, read)
    exact = np.full(groups, {merge.LEAST: HIGH, merge.MOST: LOW}.get(how, 0), np.int64)
    decayed = np.zeros(groups)
    b = tiles.blocks
    merge.merge_groups(
        key, b.heads, b.pool, begin if first is None else first, past, read.slot, how,
        now // read.window.width, np.array(read.window.weights, np.float64), exact, decayed,
    )  # fmt: skip
    return _as_float(exact, decayed, how)


def _how(tiles: Tiles, read: Read) -> int:
    return merge.DECAYED if read.window.kind == "decayed" else HOW[tiles.family.slots[read.slot].op]


def _as_float(
    exact: NDArray[np.int64], decayed: NDArray[np.float64], how: int
) -> NDArray[np.float64]:
    if how == merge.DECAYED:
        return decayed
    value = exact.astype(np.float64)
    if how != merge.SUM:
        value[(exact == HIGH) | (exact == LOW)] = np.nan
    return value
