"""SQL of what the fold reads from an event: keys, numbers, groups.

Only integers and strings: no floating point, and nothing negative is divided, because
Flink's division truncates towards zero.
"""

from __future__ import annotations

from collections.abc import Iterable

from afresh.features.columns import HOUR_MS, band_labels
from afresh.features.engines.rows.identity import IDS, key_input
from afresh.features.engines.rows.scales import check_scales
from afresh.features.plan import DAY_MS, Input, Plan

IDENTITY = ("event_id", "event_type", "user_id", "session_id", "item_id")
SAID = "said."
"""Goes before a property's name inside the job, so that no property meets a name of ours."""


def literal(text: str) -> str:
    """A string constant. Without the cast, constants of one array are padded to one length."""
    return f"CAST({quoted(text)} AS STRING)"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def property_types(plan: Plan) -> dict[str, str]:
    """The properties of an event that the plan reads, and their SQL types.

    Raises AfreshError when a column is read with different decimal places.
    """
    check_scales(plan)
    found: dict[str, str] = {}
    for source in plan.inputs:
        for name in _sources(source):
            if source.kind == "text":
                found[name] = "STRING"
            elif source.kind == "number":
                found.setdefault(name, "BIGINT")
    return found


def number(plan: Plan, source: Input) -> str:
    """A number of an event, BIGINT or NULL."""
    types = property_types(plan)
    return _first(_as_number(name, types[name]) for name in _sources(source))


def text(source: Input) -> str:
    """A text of an event, never empty, or NULL."""
    return _first(f"NULLIF({identifier(SAID + name)}, '')" for name in _sources(source))


def group(plan: Plan, at: int | None) -> str:
    """The group of an event, by its name; '' for none, because a key of a topic has no NULL."""
    if at is None:
        return literal("")
    source = plan.inputs[at]
    if source.kind == "hour":
        # A day more changes no hour, and keeps what is divided above zero.
        ahead = source.offset + DAY_MS
        return f"COALESCE(CAST((`timestamp` + {ahead}) / {HOUR_MS} % 24 AS STRING), '')"
    if source.kind == "text":
        return f"COALESCE({text(source)}, '')"
    value = number(plan, source)
    labels = band_labels(source.bands)
    below = zip(source.bands, labels, strict=False)
    cases = " ".join(f"WHEN {value} < {edge} THEN {literal(label)}" for edge, label in below)
    return f"CASE WHEN {value} IS NULL THEN {literal('')} {cases} ELSE {literal(labels[-1])} END"


def key(plan: Plan, name: str) -> str:
    """The key of an event, as facts name it, or NULL."""
    if name == "user_id":
        return "owner"
    if name == "session_id":
        return "visited"
    return "item_id" if name in IDS else text(key_input(plan, name))


def only(plan: Plan, types: Iterable[int], value: str) -> str:
    """`value` where the event is of one of the types, else NULL."""
    names = sorted(plan.events[code].name for code in types)
    return f"CASE WHEN event_type IN ({', '.join(map(quoted, names))}) THEN {value} END"


def _sources(source: Input) -> list[str]:
    if source.kind == "hour":
        return []
    return [source.name] if source.fallback is None else [source.name, source.fallback]


def _as_number(name: str, sql_type: str) -> str:
    column = identifier(SAID + name)
    return column if sql_type == "BIGINT" else f"TRY_CAST({column} AS BIGINT)"


def _first(values: Iterable[str]) -> str:
    listed = list(values)
    return listed[0] if len(listed) == 1 else f"COALESCE({', '.join(listed)})"
