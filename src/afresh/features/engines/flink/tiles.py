"""Tiles as atoms: one row a family, key, tile, group, event type and input.

A slot of a family is a merge of atoms (the sum of `n` over its event types, times a weight,
and so on), worked out where facts are read. An atom depends on nothing but its name, so a
feature can be added without touching what is kept of the others.
"""

from __future__ import annotations

from collections.abc import Iterator

from afresh.features.engines.flink.columns import group, key, literal, number, only
from afresh.features.engines.flink.identity import MOMENT, family_name, input_name
from afresh.features.plan import Family, Plan, Slot
from afresh.features.tiles import LIMB_BITS

LOG = "log"
"""The family whose keys are partitions of the events' topic: one atom each, of every event."""

NO_NUMBER = "CAST(NULL AS BIGINT)"


def atom_rows(plan: Plan) -> list[str]:
    """The atoms of an event, as ROWs (family, key, tile, group, type, input, added, value).

    `added` is summed, as it is and squared; `value` makes the least and the greatest. A row
    without a key is none. Whether a column can be NULL is the same for every plan, because Flink
    takes it for a part of the state's type; and rows of constants it folds away.
    """
    everything = (
        f"ROW({literal(LOG)}, CAST(`partition` AS STRING), `timestamp` * 0, {literal('')}, "
        f"CASE WHEN event_type <> '' THEN '' END, {literal(MOMENT)}, {NO_NUMBER}, `timestamp`)"
    )
    return [everything, *(row for family in plan.families for row in _family(plan, family))]


def slot_input(plan: Plan, slot: Slot) -> str:
    """The input of the atoms that a slot merges: '' for those that only count."""
    if slot.op in ("min_ts", "max_ts"):
        return MOMENT
    return "" if slot.input is None else input_name(plan.inputs[slot.input])


def insert_tiles(plan: Plan) -> str:
    """The statement; its shape is the same for every plan."""
    rows = ",\n    ".join(atom_rows(plan))
    limb = 1 << LIMB_BITS
    return f"""INSERT INTO tiles
  SELECT 'tile', family, `key`, tile, `group`, `type`, input, COUNT(*), SUM(added),
    SUM(added * added % {limb}), SUM(added * added / {limb}), MIN(`value`), MAX(`value`),
    MAX(`offset`)
  FROM uniq CROSS JOIN UNNEST(ARRAY[
    {rows}
  ]) AS atom(family, `key`, tile, `group`, `type`, input, added, `value`)
  WHERE `key` IS NOT NULL
  GROUP BY family, `key`, tile, `group`, `type`, input"""


def _family(plan: Plan, family: Family) -> Iterator[str]:
    name = literal(family_name(plan, family))
    where = f"`timestamp` / {family.width}, {group(plan, family.split)}, event_type"
    wanted: dict[str, tuple[set[int], str, str]] = {}
    for slot in family.slots:
        added = value = NO_NUMBER
        if slot.input is not None:
            added = value = number(plan, plan.inputs[slot.input])
        elif slot.op in ("min_ts", "max_ts"):
            value = "`timestamp`"
        types, _, _ = wanted.setdefault(slot_input(plan, slot), (set(), added, value))
        types.update(slot.types)
    for said, (types, added, value) in wanted.items():
        mine = key(plan, family.key)
        if value not in (NO_NUMBER, "`timestamp`"):
            mine = f"CASE WHEN {value} IS NOT NULL THEN {mine} END"
        yield f"ROW({name}, {only(plan, types, mine)}, {where}, {literal(said)}, {added}, {value})"
