"""Unpacking: from entity values to a state that holds these entities and nothing else.

It is a state like any other, so the one reader computes its values. Only it is small, and made
for one question: the sections that the question does not read are not looked into.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afresh.features.blocks import Blocks
from afresh.features.columns import fixed_labels
from afresh.features.engines.embedded import SESSION, USER, State
from afresh.features.facts import COLUMNS
from afresh.features.interning import Interner
from afresh.features.links import Links
from afresh.store import unpack_kernels as kernels
from afresh.store.fetched import Values, links_in
from afresh.store.pack_kernels import FIXED, NAMED, UNSPLIT
from afresh.store.value import Section


def unpacked(
    values: Values,
    newest: int,
    empty: State,
    wanted: Collection[Section] | None = None,
    *,
    named: bool = True,
) -> State:
    """A state of these entities. newest: F, UTC ms, no less than that of any value.

    empty: a state of the plan without facts, whose empty parts the new one shares. wanted: the
    sections that will be read, None: all. named: whether the state can find the entities by their
    names; else they are just numbered in their order. Raises CorruptData.
    """
    state = _fillable(empty)
    state.newest = newest
    numbers = (
        _named(state, values) if named else np.where(values.held, np.arange(len(values.n)), -1)
    )
    facts: list[dict[str, NDArray[Any]]] = []
    for at, section in enumerate(values.sections):
        if wanted is not None and section not in wanted:
            continue
        bounds = values.first[at], values.last[at]
        if section.kind == "tiles":
            _tiles(state, section.at, values, bounds, numbers)
        elif section.kind == "distinct":
            _sketches(state, section.at, values, bounds, numbers)
        elif section.kind == "sequence":
            facts.append(_events(state, section.at, values, bounds, numbers, facts))
        else:
            state.links.load(links_in(values))
    for name in COLUMNS if facts else ():
        setattr(state.facts, name, np.concatenate([each[name] for each in facts]))
    state.facts.used = len(state.facts.ts) if facts else 0
    state.facts.arena = values.data
    return state


def _fillable(empty: State) -> State:
    """A state that can be filled without filling the one given: making one costs as much as
    reading a few hundred values."""
    state = copy(empty)
    state.items, state.parties = Interner(), Interner(prefixed=True)
    state.groups = {at: Interner() for at in empty.groups}
    state.links, state.facts = Links(empty.plan.reach), copy(empty.facts)
    state.tiles = [copy(tiles) for tiles in empty.tiles]
    state.sketches = [copy(sketches) for sketches in empty.sketches]
    state.sequences = [copy(lists) for lists in empty.sequences]
    return state


_Bounds = tuple[NDArray[np.int64], NDArray[np.int64]]


def _named(state: State, values: Values) -> NDArray[np.int64]:
    """The numbers of the entities in a state that does not know them yet: int64[n], -1 for those
    without a value."""
    if values.key in ("user_id", "session_id"):
        kinds = (USER, SESSION) if values.key == "user_id" else (b"",)
        numbers = np.full(len(values.entities), -1, np.int64)
        for kind in kinds:
            mine = [e[len(kind) :] if e.startswith(kind) else b"" for e in values.entities]
            known = [e if held else b"" for e, held in zip(mine, values.held, strict=True)]
            found = state.parties.intern(b"\0".join(known), len(known), kind or SESSION)
            numbers = np.maximum(numbers, found)
        return numbers
    names = [e if held else b"" for e, held in zip(values.entities, values.held, strict=True)]
    return state.names(values.key).intern(b"\0".join(names), len(names))


def _heads(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.zeros((int(numbers.max(initial=-1)) + 1, 3), np.int64)


def _filled(blocks: Blocks, heads: NDArray[np.int64], pool: NDArray[Any]) -> Blocks:
    made = copy(blocks)
    made.heads, made.pool = heads, pool
    return made


def _room(bounds: _Bounds, least: int) -> int:
    """How many rows of at least so many bytes a section may hold, and one cut off."""
    return int((bounds[1] - bounds[0]).sum()) // least + 1


def _tiles(
    state: State, at: int, values: Values, bounds: _Bounds, numbers: NDArray[np.int64]
) -> None:
    family = state.tiles[at].family
    how, groups = UNSPLIT, 0
    if family.split is not None:
        fixed = fixed_labels(values.plan.inputs[family.split])
        how, groups = (NAMED, 0) if fixed is None else (FIXED, len(fixed))
    heads = _heads(numbers)
    pool = np.empty((_room(bounds, 1 + len(family.slots)), 1 + len(family.slots)), np.int64)
    names = _room(bounds, 2) if how == NAMED else 1
    name_at, name_to = np.empty(names, np.int64), np.empty(names, np.int64)
    rows, named = kernels.unpack_tiles(
        values.data, *bounds, values.newests, family.width, how, groups, numbers, heads, pool,
        name_at, name_to,
    )  # fmt: skip
    values.done(rows)
    if named:
        assert family.split is not None
        column = values.text(kernels.joined_names(values.data, name_at, name_to, named))
        kernels.rename_groups(pool, rows, state.groups[family.split].intern(column, named))
    state.tiles[at].blocks = _filled(state.tiles[at].blocks, heads, pool)


def _sketches(
    state: State, at: int, values: Values, bounds: _Bounds, numbers: NDArray[np.int64]
) -> None:
    heads, pool = _heads(numbers), np.empty((_room(bounds, 9), 2), np.int64)
    width = state.sketches[at].spec.width
    values.done(
        kernels.unpack_sketches(
            values.data, *bounds, values.newests, width, numbers, heads, pool
        )
    )  # fmt: skip
    state.sketches[at].blocks = _filled(state.sketches[at].blocks, heads, pool)


def _events(
    state: State,
    at: int,
    values: Values,
    bounds: _Bounds,
    numbers: NDArray[np.int64],
    before: Sequence[dict[str, NDArray[Any]]],
) -> dict[str, NDArray[Any]]:
    """Fill one sequence; the columns of its facts, which stand behind those of `before`."""
    heads, room = _heads(numbers), _room(bounds, 5)
    made: dict[str, NDArray[Any]] = {name: np.empty(room, kind) for name, kind in COLUMNS.items()}
    item_at, item_to = np.empty(room, np.int64), np.empty(room, np.int64)
    read = values.done(
        kernels.unpack_events(
            values.data, *bounds, values.newests, state.sequences[at].keep,
            len(values.plan.events), numbers, heads, made["ts"], made["kind"], made["tag"],
            made["hi"], made["lo"], item_at, item_to,
        )
    )  # fmt: skip
    items = values.text(kernels.joined_names(values.data, item_at, item_to, read))
    made = {name: column[:read] for name, column in made.items()}
    made["item"] = state.items.intern(items, read).astype(np.int32)
    made["session"] = np.full(read, -1, np.int32)  # no read of an entity asks for it
    first = sum(len(each["ts"]) for each in before)
    rows = np.arange(first, first + read, dtype=np.int32)
    state.sequences[at].blocks = _filled(state.sequences[at].blocks, heads, rows)
    return made
