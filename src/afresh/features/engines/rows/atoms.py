"""Atoms: what tiles are counted in, one for each family, key, tile, group, event type and input.

A slot of a family is a merge of atoms (the sum of `n` over its event types, times a weight,
and so on), worked out where facts are read. An atom depends on nothing but its name, so a
feature can be added without touching what is kept of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

from afresh.features.engines.rows.identity import MOMENT, input_name
from afresh.features.plan import Family, Plan, Slot

LOG = "log"
"""The family whose keys are partitions of the events' topic: one atom each, of every event."""


@dataclass(frozen=True, slots=True)
class Atom:
    """What events of some types add to the tiles of a family. input: what the rows call it, ''
    where events are only counted; source: index in `Plan.inputs` of the number that is summed,
    squared and compared; None for MOMENT, which keeps timestamps, and for ''."""

    input: str
    source: int | None
    types: tuple[int, ...]


def atoms_of(plan: Plan, family: Family) -> list[Atom]:
    """The atoms that the slots of a family are merged from."""
    wanted: dict[str, tuple[int | None, set[int]]] = {}
    for slot in family.slots:
        _, types = wanted.setdefault(slot_input(plan, slot), (slot.input, set()))
        types.update(slot.types)
    return [Atom(name, source, tuple(sorted(types))) for name, (source, types) in wanted.items()]


def slot_input(plan: Plan, slot: Slot) -> str:
    """The input of the atoms that a slot merges: '' for those that only count."""
    if slot.op in ("min_ts", "max_ts"):
        return MOMENT
    return "" if slot.input is None else input_name(plan.inputs[slot.input])
