"""A state from facts: whoever kept them, the one reader answers from them.

Takes facts as `features/canonical.py` writes them. The state is for reading: which events stand
behind the facts is not known, so folding more events into it could count some twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from afresh.features.blocks import Blocks
from afresh.features.columns import fixed_labels
from afresh.features.engines.embedded import SESSION, USER, State
from afresh.features.links import Link
from afresh.features.plan import Plan
from afresh.features.sequences import Lists
from afresh.features.tiles import GROUP_BITS

Events = list[list[Any]]
Rows = dict[int, list[list[int]]]


def state_of(plan: Plan, newest: int, facts: Iterable[list[Any]]) -> State:
    """The state that has these facts; newest: F, UTC ms."""
    state = State(plan)
    state.newest = newest
    numbers = _Numbers(state)
    tiles: dict[int, Rows] = {}
    distincts: dict[int, Rows] = {}
    lists: dict[tuple[str, int], dict[str, Events]] = {}
    for kind, *fact in facts:
        if kind == "tile":
            at, key, tile, group, slots = fact
            family = plan.families[at]
            cell = (tile << GROUP_BITS) | _group(state, family.split, group)
            tiles.setdefault(at, {}).setdefault(numbers.of(family.key, key), []).append(
                [cell, *slots]
            )
        elif kind == "distinct":
            at, key, tile, hashes = fact
            rows = distincts.setdefault(at, {})
            number = numbers.of(plan.distincts[at].key, key)
            rows.setdefault(number, []).extend([tile, said - (1 << 63)] for said in hashes)
        elif kind == "link":
            session, user, ts, event_id = fact
            state.links.add(Link(ts, event_id.encode(), session, user))
        else:
            at, key, events = fact if kind == "sequence" else (0, *fact)
            lists.setdefault((kind, at), {})[key] = events
    for at, rows in tiles.items():
        _fill(state.tiles[at].blocks, rows)
    for at, rows in distincts.items():
        _fill(state.sketches[at].blocks, rows)
    _lists(state, numbers, lists)
    return state


def _fill(blocks: Blocks, rows: Rows) -> None:
    """Lay each key's rows, sorted, in a block of its own."""
    blocks.reserve_keys(max(rows) + 1)
    for key, mine in rows.items():
        level = (len(mine) - 1).bit_length()
        start = int(blocks.meta[0])
        while start + (1 << level) > len(blocks.pool):
            blocks.grow_pool()
        blocks.pool[start : start + len(mine)] = np.array(sorted(mine), np.int64)
        blocks.heads[key] = start, len(mine), level
        blocks.meta[0] = start + (1 << level)


def _lists(
    state: State, numbers: _Numbers, lists: Mapping[tuple[str, int], Mapping[str, Events]]
) -> None:
    """Keep each event once, and have every list that names it point at it."""
    held = {tuple(e) for named in lists.values() for events in named.values() for e in events}
    ordered = sorted(held, key=lambda e: (e[0], e[1].encode(), e[2:]))
    ids = "\0".join(e[1] for e in ordered).encode()
    codes = {event.name: code for code, event in enumerate(state.plan.events)}
    kinds = np.array([codes[e[2]] for e in ordered], np.uint8)
    _, rows = state.facts.append(
        np.array([e[0] for e in ordered], np.int64), kinds, ids,
        np.array([numbers.of("item_id", e[3]) for e in ordered], np.int64),
        np.array([numbers.of("user_id", e[4]) for e in ordered], np.int64),
        state.newest - state.facts_within,
    )  # fmt: skip
    place = {e: at for at, e in enumerate(ordered)}
    for (kind, at), named in lists.items():
        kept, key = _list(state, kind, at)
        pairs = sorted(
            (place[tuple(e)], numbers.of(key, name))
            for name, events in named.items()
            for e in events
        )
        where = np.array([p for p, _ in pairs], np.int64)
        keys = np.array([k for _, k in pairs], np.int64)
        kept.insert(
            state.facts, rows[where], keys, state.key_count(key), kinds[where], state.newest, 0, 0
        )


def _list(state: State, kind: str, at: int) -> tuple[Lists, str]:
    if kind == "sequence":
        return state.sequences[at], state.plan.sequences[at].key
    return (state.sessions, "user_id") if kind == "session" else (state.postings, "item_id")


def _group(state: State, split: int | None, group: str | None) -> int:
    if split is None or group is None:
        return 0
    labels = fixed_labels(state.plan.inputs[split])
    if labels is not None:
        return 1 + labels.index(group)
    return 1 + int(state.groups[split].intern(group.encode(), 1)[0])


class _Numbers:
    """The numbers of names in a state; each name is looked up once."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[tuple[str, str], int] = {}

    def of(self, field: str, name: str) -> int:
        number = self._known.get((field, name))
        if number is None:
            number = self._known[field, name] = _number(self._state, field, name)
        return number


def _number(state: State, field: str, name: str) -> int:
    names = state.names(field)
    if names is state.parties:
        prefix = USER if name.startswith("u:") else SESSION
        return int(names.intern(name[2:].encode(), 1, prefix)[0])
    return int(names.intern(name.encode(), 1)[0])
