"""Kept: the rows that one entity's value is made of, as they travel with it.

A value has slots, which are sums over atoms; a row that changed says what its atom is now. So the
atoms are kept, as the last section of the value, which readers pass over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from afresh.errors import CorruptData
from afresh.features.engines.rows.atoms import slot_input
from afresh.features.plan import Plan, Slot
from afresh.features.tiles import EMPTY
from afresh.feed.rows import ATOM, Change, Entity, inputs_of

Atoms = dict[tuple[int, int], tuple[Any, ...]]
TAKEN, KNOWN, REFUSED = "taken", "known", "refused"
"""What becomes of a row: taken; no news; refused, because it knows of fewer events than before."""


class Kept(msgspec.Struct, array_like=True):
    """tiles: family -> (tile, group) -> (type, input) -> ATOM; hashes: sketch -> tile -> hash;
    lists: sequence -> (event_id, owner) -> (timestamp, type, item, session); links."""

    tiles: dict[int, dict[tuple[int, str], Atoms]] = {}
    hashes: dict[int, dict[int, set[int]]] = {}
    lists: dict[int, dict[tuple[str, str], tuple[int, int, str, str]]] = {}
    links: set[tuple[int, str, str, str]] = set()

    def take(self, change: Change) -> str:
        """Take a row; what became of it."""
        if change.kind == "tiles":
            tile, group, *atom = change.name
            return self._atom(change, (tile, group), (atom[0], atom[1]))
        if change.kind == "links":
            return _held(self.links, change.name, keep=True)
        if change.kind == "hashes":
            tile, said = change.name
            hashes = self.hashes.setdefault(change.at, {}).setdefault(tile, set())
            return _held(hashes, said, keep=change.row is not None)
        events = self.lists.setdefault(change.at, {})
        if events.get(change.name) == change.row:
            return KNOWN
        if change.row is None:
            del events[change.name]
        else:
            events[change.name] = change.row
        return TAKEN

    def _atom(self, change: Change, cell: tuple[int, str], name: tuple[int, int]) -> str:
        atoms = self.tiles.setdefault(change.at, {}).setdefault(cell, {})
        held, row = atoms.get(name), change.row
        if row is None:
            return TAKEN if atoms.pop(name, None) else KNOWN
        if held is not None and row[0] < held[0]:
            # An older row read again has no later event in it; one that has was forgotten.
            return REFUSED if row[1] > held[1] else KNOWN
        if held == row:
            return KNOWN
        atoms[name] = row
        return TAKEN

    def moments(self, plan: Plan) -> Iterator[int]:
        """Moments that F is not before, UTC ms."""
        for at, cells in self.tiles.items():
            yield from (tile * plan.families[at].width for tile, _ in cells)
        for at, tiles in self.hashes.items():
            yield from (tile * plan.distincts[at].width for tile in tiles)
        for events in self.lists.values():
            yield from (event[0] for event in events.values())
        yield from (link[0] for link in self.links)

    def trim(self, plan: Plan, newest: int) -> None:
        """Drop what no read can see any more. newest: F, UTC ms."""
        for at, cells in self.tiles.items():
            f = plan.families[at]
            first = _first(f.width, f.reach, newest)
            self.tiles[at] = {c: atoms for c, atoms in cells.items() if c[0] >= first and atoms}
        for at, tiles in self.hashes.items():
            d = plan.distincts[at]
            first = _first(d.width, d.reach, newest)
            least = {t: set(sorted(said)[: d.k]) for t, said in tiles.items() if t >= first}
            self.hashes[at] = {tile: said for tile, said in least.items() if said}
        for at, events in self.lists.items():
            s = plan.sequences[at]
            living = [e for e in events.items() if e[1][0] > newest - s.within]
            self.lists[at] = dict(sorted(living, key=_total_order)[-s.n :])
        self.links = {link for link in self.links if link[0] > newest - plan.reach}


def _held(held: set[Any], name: Any, *, keep: bool) -> str:
    """Have a name in a set, or not."""
    if (name in held) == keep:
        return KNOWN
    (held.add if keep else held.discard)(name)
    return TAKEN


def _first(width: int, reach: int, newest: int) -> int:
    """The first tile that is alive: (tile + 1) * width > newest - reach."""
    return (newest - reach) // width


def _total_order(entry: tuple[tuple[str, str], tuple[int, int, str, str]]) -> tuple[Any, ...]:
    (event_id, owner), row = entry
    return row[0], event_id.encode(), owner.encode()


_decoder = msgspec.msgpack.Decoder(Kept)
encoded: Callable[[Kept], bytes] = msgspec.msgpack.Encoder(order=None).encode


def decoded(section: bytes, entity: Entity) -> Kept:
    """Raises CorruptData."""
    try:
        return _decoder.decode(section)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CorruptData(
            f"The rows of {entity.name!r} ({entity.field}) in the store are damaged.",
            hint="Empty the store: the feeder writes all anew.",
        ) from error


class Facts:
    """From rows to facts as `features/canonical.py` has them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        inputs = inputs_of(plan)
        self._merges = [
            [_merge(plan, slot, inputs[slot_input(plan, slot)]) for slot in family.slots]
            for family in plan.families
        ]

    def of(self, key: str, kept: Kept) -> Iterator[list[Any]]:
        """The facts of one entity but for its links. key: as facts name it."""
        plan = self.plan
        for at, cells in kept.tiles.items():
            family = plan.families[at]
            for (tile, group), atoms in cells.items():
                row = [merge(atoms) for merge in self._merges[at]]
                if any(said is not None for said in row):
                    filled = [EMPTY[slot.op] if said is None else said
                              for slot, said in zip(family.slots, row, strict=True)]  # fmt: skip
                    split = None if family.split is None else group or None
                    yield ["tile", at, key, tile, split, filled]
        for at, tiles in kept.hashes.items():
            for tile, said in tiles.items():
                yield ["distinct", at, key, tile, sorted(said)]
        for at, events in kept.lists.items():
            last = [
                [e[0], name[0], plan.events[e[1]].name, e[2], e[3]] for name, e in events.items()
            ]
            if last:
                yield ["sequence", at, key, last]


def _merge(plan: Plan, slot: Slot, source: int) -> Callable[[Atoms], int | None]:
    """From atoms to a slot: None where no atom touches it."""
    wanted = [((code, source), plan.events[code].weight) for code in slot.types]
    column = {"weight": "n", "min_ts": "min", "max_ts": "max"}.get(slot.op, slot.op)
    at, pick = ATOM.index(column), {"min": min, "max": max}.get(column, sum)

    def merge(atoms: Atoms) -> int | None:
        found = [(atoms[name][at], weight) for name, weight in wanted if name in atoms]
        if slot.op == "weight":
            return sum(n * weight for n, weight in found) if found else None
        return pick([said for said, _ in found]) if found else None

    return merge
