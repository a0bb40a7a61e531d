"""The canonical form: a state as bytes that two engines can compare.

Only facts alive at F are in it, named by external keys and sorted, one JSON array
a line. Numbering, arrival order, trimming and sweeping leave no trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from afresh.features.columns import fixed_labels
from afresh.features.engines.embedded import State
from afresh.features.sequences import Lists
from afresh.features.tiles import GROUP_BITS, GROUP_MASK


def canonical(state: State) -> bytes:
    """The canonical form: equal states give equal bytes."""
    lines = [msgspec.json.encode(fact) for fact in facts_of(state)]
    head = msgspec.json.encode(["F", state.newest])
    return b"\n".join([head, *sorted(lines)])


def facts_of(state: State) -> Iterator[list[Any]]:
    """Every living fact.

    ["tile", family, key, tile, group, [slots]], ["sequence", index, key, [events]],
    ["session", key, [events]], ["posting", item, [events]]; an event is
    [timestamp, event_id, type, item, session]. ["distinct", index, key, tile, [hashes]],
    ascending. ["link", session, user, timestamp, event_id].
    """
    yield from _tiles(state)
    for at, (spec, lists) in enumerate(zip(state.plan.sequences, state.sequences, strict=True)):
        for key, events in _lists(state, lists):
            yield ["sequence", at, _name(state, spec.key, key), events]
    yield from _distincts(state)
    for key, events in _lists(state, state.sessions):
        yield ["session", _name(state, "user_id", key), events]
    for key, events in _lists(state, state.postings):
        yield ["posting", state.items.text(key), events]
    for link in state.links.living(state.newest):
        yield ["link", link.session, link.user, link.ts, link.event_id.decode()]


def _tiles(state: State) -> Iterator[list[Any]]:
    for at, tiles in enumerate(state.tiles):
        family, b = tiles.family, tiles.blocks
        labels = _group_labels(state, family.split)
        for key in range(min(len(b.heads), state.key_count(family.key))):
            start, size, _ = b.heads[key].tolist()
            for row in b.pool[start : start + size].tolist():
                tile = row[0] >> GROUP_BITS
                if (tile + 1) * family.width > state.newest - family.reach:
                    group = labels[row[0] & GROUP_MASK] if family.split is not None else None
                    yield ["tile", at, _name(state, family.key, key), tile, group, row[1:]]


def _distincts(state: State) -> Iterator[list[Any]]:
    for at, sketches in enumerate(state.sketches):
        spec = sketches.spec
        for key in range(state.key_count(spec.key)):
            tiles: dict[int, list[int]] = {}
            for tile, hashed in sketches.rows(key).tolist():
                if (tile + 1) * spec.width > state.newest - spec.reach:
                    tiles.setdefault(tile, []).append(hashed + (1 << 63))
            for tile, hashes in tiles.items():
                yield ["distinct", at, _name(state, spec.key, key), tile, hashes]


def _group_labels(state: State, split: int | None) -> list[str | None]:
    if split is None:
        return []
    fixed = fixed_labels(state.plan.inputs[split])
    if fixed is not None:
        return [None, *fixed]
    interner = state.groups[split]
    return [None, *(interner.text(number) for number in range(len(interner)))]


def _lists(state: State, lists: Lists) -> Iterator[tuple[int, list[list[Any]]]]:
    facts = state.facts
    for key in range(len(lists.blocks.heads)):
        rows = lists.rows(facts, key, state.newest).tolist()
        if rows:
            yield key, [_event(state, row) for row in rows]


def _event(state: State, row: int) -> list[Any]:
    facts = state.facts
    return [
        int(facts.ts[row]),
        facts.event_id(row),
        state.plan.events[int(facts.kind[row])].name,
        state.items.text(int(facts.item[row])),
        _name(state, "user_id", int(facts.session[row])),
    ]


def _name(state: State, field: str, number: int) -> str:
    """A key by its external name; parties say which kind they are: u:… or s:…. Nobody is ""."""
    if number < 0:
        return ""
    names = state.names(field)
    if names is state.parties:
        key = names.key(number).decode()
        return f"{key[0]}:{key[1:]}"
    return names.text(number)
