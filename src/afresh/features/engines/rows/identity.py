"""What facts are called: names that say all that a fact means.

Positions in a plan move when it changes. These names hold everything that a fact depends
on (the key, the width, the column and how it is scaled or cut, the event types), so facts of
two plans that share a name are the same facts, and a change of meaning is another name.
"""

from __future__ import annotations

from afresh.features.plan import Distinct, Family, Input, Plan, Sequence

IDS = ("item_id", "user_id", "session_id")
MOMENT = "timestamp"
"""The input of the atoms that keep the least and the greatest timestamp."""


def input_name(source: Input) -> str:
    """A column as facts call it: `price|item.price@2<1000,2500>`, `hour+19800000`."""
    if source.kind == "hour":
        return f"{source.name}{source.offset:+d}"
    column = source.name if source.fallback is None else f"{source.name}|{source.fallback}"
    if source.kind == "text":
        return column
    bands = f"<{','.join(map(str, source.bands))}>" if source.bands else ""
    return f"{column}@{source.places}{bands}"


def key_input(plan: Plan, key: str) -> Input:
    """The text input that a key which is no id stands for."""
    return next(i for i in plan.inputs if i.name == key and i.kind == "text")


def key_name(plan: Plan, key: str) -> str:
    return key if key in IDS else input_name(key_input(plan, key))


def types_name(plan: Plan, types: tuple[int, ...]) -> str:
    return "+".join(sorted(plan.events[code].name for code in types))


def family_name(plan: Plan, family: Family) -> str:
    """`item_id/60000`, or with what it is split by: `user_id/86400000/item.category`."""
    name = f"{key_name(plan, family.key)}/{family.width}"
    return name if family.split is None else f"{name}/{input_name(plan.inputs[family.split])}"


def distinct_name(plan: Plan, spec: Distinct) -> str:
    value = spec.value if spec.input is None else input_name(plan.inputs[spec.input])
    key, types = key_name(plan, spec.key), types_name(plan, spec.types)
    return f"{key}/{spec.width}/{value}/{types}/{spec.k}"


def sequence_name(plan: Plan, spec: Sequence) -> str:
    return f"{key_name(plan, spec.key)}/{types_name(plan, spec.types)}/{spec.n}"


def sessions_name(plan: Plan) -> str:
    return f"session/{types_name(plan, plan.postings.types)}/{plan.postings.per_session}"


def postings_name(plan: Plan) -> str:
    return f"posting/{types_name(plan, plan.postings.types)}/{plan.postings.per_item}"
