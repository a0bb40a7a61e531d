"""Facts of the topic, read back as every engine's facts are written.

Rows are merged into the canonical form (`features/canonical.py`): names of positions, atoms
of slots, and the last n of what a topic still holds of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from afresh.features.engines.rows.atoms import LOG, slot_input
from afresh.features.engines.rows.identity import (
    MOMENT,
    distinct_name,
    family_name,
    postings_name,
    sequence_name,
    sessions_name,
)
from afresh.features.plan import Family, Plan, Slot
from afresh.features.tiles import EMPTY

Row = dict[str, Any]


class FactTable:
    """What the facts' topic holds, by key. Take its records in the order of each partition."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[str, str], dict[tuple[int, str], dict[tuple[str, str], Row]]] = {}
        self.lists: dict[tuple[str, str], dict[tuple[str, str], Row]] = {}
        self.distincts: dict[tuple[str, str], dict[int, dict[str, Row]]] = {}
        self.links: dict[tuple[str, str], Row] = {}
        self.log: dict[str, Row] = {}
        self.refused = 0
        """Rows that were not taken because they knew of fewer events than the one before: the
        job has forgotten what it had counted, and its facts are no longer to be believed."""

    def take(self, key: bytes, value: bytes | None) -> None:
        """Take a record of the topic; without a value, the fact is no more."""
        named: Row = msgspec.json.decode(key)
        said: Row | None = None if value is None else msgspec.json.decode(value)
        place = self._place(named)
        holder, name = place
        if said is None:
            holder.pop(name, None)
        elif name in holder and said.get("n", 0) < holder[name].get("n", 0):
            self.refused += 1
        else:
            holder[name] = said

    def _place(self, key: Row) -> tuple[dict[Any, Row], Any]:
        kind = key["fact"]
        if kind == "tile" and key["family"] == LOG:
            return self.log, key["key"]
        if kind == "tile":
            tiles = self.tiles.setdefault((key["family"], key["key"]), {})
            atoms = tiles.setdefault((key["tile"], key["group"]), {})
            return atoms, (key["type"], key["input"])
        if kind == "list":
            rows = self.lists.setdefault((key["list"], key["key"]), {})
            return rows, (key["event_id"], key["owner"])
        if kind == "distinct":
            seen = self.distincts.setdefault((key["counted"], key["key"]), {})
            return seen.setdefault(key["tile"], {}), key["digest"]
        return self.links, (key["event_id"], key["owner"])

    @property
    def events(self) -> int:
        """How many events the facts tell of."""
        return sum(row["n"] for row in self.log.values())

    @property
    def newest(self) -> int:
        """F: the greatest timestamp folded, UTC ms; 0 before the first event."""
        return max((row["max"] for row in self.log.values()), default=0)


def canonical(plan: Plan, table: FactTable) -> bytes:
    """The canonical form of what the topic holds: equal to that of every engine."""
    lines = [msgspec.json.encode(fact) for fact in facts_of(plan, table)]
    return b"\n".join([msgspec.json.encode(["F", table.newest]), *sorted(lines)])


def facts_of(plan: Plan, table: FactTable) -> Iterator[list[Any]]:
    """Every living fact, in the form of `features/canonical.py`."""
    yield from _tiles(plan, table)
    yield from _lists(plan, table)
    yield from _distincts(plan, table)
    for (event_id, _), link in table.links.items():
        if link["timestamp"] > table.newest - plan.reach:
            yield ["link", link["session"], link["user"], link["timestamp"], event_id]


def _tiles(plan: Plan, table: FactTable) -> Iterator[list[Any]]:
    at = {family_name(plan, family): index for index, family in enumerate(plan.families)}
    slots = [_merges(plan, family) for family in plan.families]
    for (name, key), tiles in table.tiles.items():
        if name not in at:
            continue
        family, merges = plan.families[at[name]], slots[at[name]]
        for (tile, group), atoms in tiles.items():
            row = [merge(atoms) for merge in merges]
            if any(said is not None for said in row) and alive(table, tile, family.width,
                                                               family.reach):  # fmt: skip
                filled = [EMPTY[slot.op] if said is None else said
                          for slot, said in zip(family.slots, row, strict=True)]  # fmt: skip
                split = None if family.split is None else group or None
                yield ["tile", at[name], key, tile, split, filled]


def alive(table: FactTable, tile: int, width: int, reach: int) -> bool:
    return (tile + 1) * width > table.newest - reach


def _merges(plan: Plan, family: Family) -> list[Callable[[dict[tuple[str, str], Row]], int | None]]:
    return [_merge(plan, slot) for slot in family.slots]


def _merge(plan: Plan, slot: Slot) -> Callable[[dict[tuple[str, str], Row]], int | None]:
    """From atoms to a slot: None where no atom touches it."""
    said = slot_input(plan, slot)
    wanted = [((plan.events[code].name, said), plan.events[code].weight) for code in slot.types]
    column = {"weight": "n", "min_ts": "min", "max_ts": "max"}.get(slot.op, slot.op)
    pick = {"min": min, "max": max}.get(column, sum)

    def merge(atoms: dict[tuple[str, str], Row]) -> int | None:
        found = [(atoms[name], weight) for name, weight in wanted if name in atoms]
        if slot.op == "weight":
            return sum(atom["n"] * weight for atom, weight in found) if found else None
        return pick([atom[column] for atom, _ in found]) if found else None

    return merge


def _lists(plan: Plan, table: FactTable) -> Iterator[list[Any]]:
    p = plan.postings
    kept: dict[str, tuple[list[Any], int, int]] = {
        sequence_name(plan, spec): (["sequence", index], spec.n, spec.within)
        for index, spec in enumerate(plan.sequences)
    }
    kept[sessions_name(plan)] = (["session"], p.per_session, p.within)
    kept[postings_name(plan)] = (["posting"], p.per_item, p.within)
    for (name, key), rows in table.lists.items():
        if name in kept:
            head, n, within = kept[name]
            ordered = sorted(rows.items(), key=_total_order)[-n:]
            last = [
                [row["timestamp"], event_id, row["type"], row["item"], row["session"]]
                for (event_id, _), row in ordered
            ]
            living = [event for event in last if event[0] > table.newest - within]
            if living:
                yield [*head, key, living]


def _total_order(entry: tuple[tuple[str, str], Row]) -> tuple[int, bytes, bytes]:
    """(timestamp, event_id), by bytes; the owner tells apart ids that two people share."""
    (event_id, owner), row = entry
    return row["timestamp"], event_id.encode(), owner.encode()


def _distincts(plan: Plan, table: FactTable) -> Iterator[list[Any]]:
    at = {distinct_name(plan, spec): index for index, spec in enumerate(plan.distincts)}
    for (name, key), tiles in table.distincts.items():
        if name not in at:
            continue
        spec = plan.distincts[at[name]]
        for tile, hashes in tiles.items():
            if hashes and alive(table, tile, spec.width, spec.reach):
                least = sorted(hashes)[: spec.k]
                yield ["distinct", at[name], key, tile, [int(said, 16) for said in least]]


__all__ = ["MOMENT", "FactTable", "canonical", "facts_of"]
