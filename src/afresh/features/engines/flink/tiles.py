"""Tiles as atoms (`rows/atoms.py`), counted by one INSERT."""

from __future__ import annotations

from collections.abc import Iterator

from afresh.features.engines.flink.columns import group, key, literal, number, only
from afresh.features.engines.rows.atoms import LOG, Atom, atoms_of
from afresh.features.engines.rows.identity import MOMENT, family_name
from afresh.features.plan import Family, Plan
from afresh.features.tiles import LIMB_BITS

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
    for atom in atoms_of(plan, family):
        added, value = _said(plan, atom)
        mine = key(plan, family.key)
        if atom.source is not None:
            mine = f"CASE WHEN {value} IS NOT NULL THEN {mine} END"
        mine = only(plan, atom.types, mine)
        yield f"ROW({name}, {mine}, {where}, {literal(atom.input)}, {added}, {value})"


def _said(plan: Plan, atom: Atom) -> tuple[str, str]:
    """What is added, and what the least and the greatest are of."""
    if atom.source is not None:
        said = number(plan, plan.inputs[atom.source])
        return said, said
    return NO_NUMBER, "`timestamp`" if atom.input == MOMENT else NO_NUMBER
