"""The one reader: from facts to values.

`Reader.matrix` is the gather behind ranking: candidates x features, float32.
`Reader.values` is what a person asks for by name. Means, ratios, decay and
windows are computed here and nowhere else (float64, rounded once to float32).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from copy import copy
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from afresh.errors import BadRequest, NotFound
from afresh.features import merge
from afresh.features.columns import fixed_labels
from afresh.features.distinct import distinct_values
from afresh.features.engines.embedded import State
from afresh.features.finishing import Finish
from afresh.features.gathering import Gather, GatherGroups
from afresh.features.people import Held, latest, merged_tiles, parties_of
from afresh.features.plan import Feature, Plan, Read
from afresh.features.readable import Number, readable
from afresh.features.windows import tile_range
from afresh.problems import suggest

COMPILED = 256
"""Questions kept compiled; beyond that all are forgotten and compiled again as they come."""

Value = str | Number | list[str] | dict[str, Number]


def named(features: Mapping[str, Feature], name: str) -> Feature:
    """Raises NotFound, with the nearest names, when there is no such feature."""
    try:
        return features[name]
    except KeyError:
        raise NotFound(f"There is no feature {name!r}.", hint=suggest(name, features)) from None


def features_of(plan: Plan, key: str, names: Sequence[str] | None) -> list[Feature]:
    """The features of a key field that are asked for; names None: all of them, and those of
    another key are passed over. Raises NotFound, and BadRequest for a key without features."""
    found = [feature for feature in plan.features if feature.key == key]
    if not found:
        known = sorted({feature.key for feature in plan.features})
        raise BadRequest(
            f"No feature is kept by {key!r}.",
            hint=f"There are features by: {', '.join(known) or 'nothing yet'}.",
            path="$.keys",
        )
    if names is None:
        return found
    by_name = {feature.name: feature for feature in plan.features}
    wanted = [named(by_name, name) for name in names]
    return [feature for feature in wanted if feature.key == key]


class Reader:
    """Reads one state. Features are asked for by name; `key` says what kind of entity."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.by_name = {feature.name: feature for feature in state.plan.features}
        self._matrices: _Kept[Feature, tuple[Gather, Finish, bool]] = _Kept()
        self._merges: _Kept[Read, Gather] = _Kept()
        self._groups: _Kept[Feature, tuple[GatherGroups, Finish]] = _Kept()

    def of(self, state: State) -> Reader:
        """The same questions, compiled once, to another state of the plan."""
        other = copy(self)
        other.state = state
        return other

    def feature(self, name: str) -> Feature:
        """Raises NotFound when the plan has no such feature."""
        return named(self.by_name, name)

    def matrix(
        self, keys: NDArray[np.int64], features: Sequence[Feature], now: int
    ) -> NDArray[np.float32]:
        """Values of unsplit numeric features for many entities: float32[n, features].

        keys: int64[n], numbers of entities of the features' key, -1 for one never seen.
        Null is NaN.
        """
        made = self._matrices.get(features)
        if made is None:
            tallied = [f for f in features if f.distinct is None]
            gather = Gather(self.state.plan, [r for f in tallied for r in f.reads])
            whole = len(tallied) == len(features)
            made = gather, Finish(tallied, gather.places), whole
            made = self._matrices.put(features, made)
        gather, finish, whole = made
        held = self._of_people(keys, features[0].key if features else "", now)
        values = finish(gather(*held, now))
        return values if whole else self._with_distinct(values, keys, features, now)

    def _with_distinct(
        self,
        tallied: NDArray[np.float32],
        keys: NDArray[np.int64],
        features: Sequence[Feature],
        now: int,
    ) -> NDArray[np.float32]:
        """The columns of all features, where `tallied` are those that are not distinct."""
        out = np.empty((len(keys), len(features)), np.float32)
        rest = iter(tallied.T)
        for column, feature in zip(out.T, features, strict=True):
            known = feature.distinct is None
            column[:] = next(rest) if known else distinct_values(self.state, keys, feature, now)
        return out

    def _of_people(
        self, keys: NDArray[np.int64], key: str, now: int
    ) -> tuple[Sequence[Held], NDArray[np.int64]]:
        """The tiles and the keys to read: as given, unless a user has linked sessions."""
        state = self.state
        if key != "user_id" or not len(state.links):
            return state.tiles, keys
        people = [parties_of(state, number, now) for number in keys.tolist()]
        if all(len(parties) == 1 for parties in people):
            return state.tiles, keys
        return merged_tiles(state.tiles, key, people), np.arange(len(keys))

    def merge(
        self, keys: NDArray[np.int64], reads: Sequence[Read], now: int
    ) -> list[NDArray[np.float64]]:
        """Each read's number for every key: float64[n] a read; an empty least or most is NaN."""
        made = self._merges.get(reads)
        if made is None:
            made = self._merges.put(reads, Gather(self.state.plan, reads))
        parts = made(self.state.tiles, keys, now)
        return [parts[place] for place in made.places]

    def merge_group(
        self, keys: NDArray[np.int64], read: Read, group: int, now: int
    ) -> NDArray[np.float64]:
        """One read, of a sum, in one group of a split family: float64[n]. The group of a family
        that is not split is 0."""
        b, (first, past) = self.state.tiles[read.family].blocks, tile_range(read.window, now)
        found = merge.gather_group(keys, b.heads, b.pool, first, past, read.slot, group)
        return np.asarray(found, np.float64)

    def groups(self, key: int, feature: Feature, now: int) -> dict[str | None, float]:
        """A split feature of one entity: group name (None: no value) -> value, by name.

        A group of which every read is 0 or null is left out.
        """
        assert feature.split is not None
        made = self._groups.get([feature])
        if made is None:
            gather = GatherGroups(self.state.plan, feature.reads)
            finish = Finish([feature], range(len(feature.reads)))
            made = self._groups.put([feature], (gather, finish))
        labels = self.group_names(feature.split)
        tiles, keys = self._of_people(np.array([key], np.int64), feature.key, now)
        parts = made[0](tiles, int(keys[0]), now, len(labels) + 1)
        # Which features share a family must not show: a group counts once a read knows it.
        found = np.flatnonzero(np.any((parts != 0) & ~np.isnan(parts), axis=0))
        values = made[1](np.ascontiguousarray(parts[:, found]))[:, 0].tolist()
        named = [
            (labels[group - 1] if group else None, value)
            for group, value in zip(found.tolist(), values, strict=True)
        ]
        return dict(sorted(named, key=lambda pair: (pair[0] is None, pair[0] or "")))

    def group_names(self, split: int) -> list[str]:
        """Names of the groups 1, 2, ... of a splitting input."""
        fixed = fixed_labels(self.state.plan.inputs[split])
        if fixed is not None:
            return fixed
        interner = self.state.groups[split]
        return [interner.text(number) for number in range(len(interner))]

    def recent(self, key: int, feature: Feature, now: int) -> list[str]:
        """The items of a `last` feature, newest first, each event one entry."""
        assert feature.sequence is not None
        state, spec = self.state, self.state.plan.sequences[feature.sequence]
        user = feature.key == "user_id"
        parties = parties_of(state, key, now) if user else np.array([key], np.int64)
        rows = latest(state, state.sequences[feature.sequence], parties)
        rows = rows[state.facts.ts[rows] >= now - spec.within][::-1][: feature.n or spec.n]
        return state.items.texts(state.facts.item[rows])

    def values(
        self, key: str, names: Sequence[str], features: Sequence[Feature], now: int
    ) -> list[dict[str, Value]]:
        """One row an entity, as a person reads it: {key: name, feature: value}, null for the
        unknown."""
        numbers = self.state.find(key, list(names))
        plain = [f for f in features if f.kind != "last" and f.split is None]
        columns: dict[str, Iterable[Value]] = {}
        if plain:
            whole = readable(self.matrix(numbers, plain, now).T)
            columns = {f.name: column for f, column in zip(plain, whole, strict=True)}
        for feature in features:
            if feature.kind == "last":
                columns[feature.name] = [self.recent(n, feature, now) for n in numbers.tolist()]
            elif feature.split is not None:
                columns[feature.name] = self._split(numbers, feature, now)
        labels = [key, *(feature.name for feature in features)]
        rows = zip(names, *(columns[label] for label in labels[1:]), strict=True)
        return [dict(zip(labels, row, strict=True)) for row in rows]

    def _split(
        self, numbers: NDArray[np.int64], feature: Feature, now: int
    ) -> list[dict[str, Number]]:
        found = [self.groups(number, feature, now) for number in numbers.tolist()]
        values = np.array([v for groups in found for v in groups.values()], np.float32)
        said = iter(readable(values[None])[0])
        return [{group or "": next(said) for group in groups} for groups in found]


_T = TypeVar("_T", Feature, Read)
_Made = TypeVar("_Made")


class _Kept(Generic[_T, _Made]):
    """What was compiled for some features or reads, found by which objects those are: to hash
    what they say would take longer than to read them. They are held, so none can be mistaken."""

    def __init__(self) -> None:
        self._made: dict[Hashable, tuple[tuple[_T, ...], _Made]] = {}

    def get(self, asked: Sequence[_T]) -> _Made | None:
        found = self._made.get(tuple(map(id, asked)))
        return found[1] if found else None

    def put(self, asked: Sequence[_T], made: _Made) -> _Made:
        if len(self._made) >= COMPILED:
            self._made.clear()
        self._made[tuple(map(id, asked))] = tuple(asked), made
        return made
