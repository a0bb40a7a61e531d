"""JSON Schema of what a definition declares: its events, its item records."""

from __future__ import annotations

from typing import Any

from afresh.events.schema import IDENTIFY
from afresh.features.plan import Plan, PlanEvent, PlanField

Schema = dict[str, Any]

ID: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 256,
    "pattern": "^[^\\x00-\\x1f\\x7f]*$",
}
TIMESTAMP: Schema = {
    "description": "When it happened: RFC 3339 with an offset, or epoch milliseconds.",
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "minimum": 0}],
}
LIMIT = 2**31 - 1


def event_schemas(plan: Plan | None) -> dict[str, Schema]:
    """Event, and what a body of events may be."""
    kinds = [_event(kind) for kind in plan.accepted] if plan else [_any_event()]
    one: Schema = kinds[0] if len(kinds) == 1 else {"oneOf": kinds}
    ref = {"$ref": "#/components/schemas/Event"}
    return {
        "Event": {**one, "description": "One thing somebody did.", "examples": [event(plan)]},
        "EventOrEvents": {"anyOf": [ref, {"type": "array", "items": ref, "minItems": 1}]},
    }


def item_schemas(plan: Plan | None) -> dict[str, Schema]:
    """ItemRecord, many of them, and a change to one."""
    fields = plan.catalog.fields if plan else ()
    known = {f.name: _optional(_value(f)) for f in fields}
    shape: Schema = {"type": "object", "additionalProperties": plan is None}
    whole = {**shape, "properties": {"item_id": ID, **known}, "examples": [item(plan)]}
    example = {k: v for k, v in item(plan).items() if k != "item_id"}
    ref = {"$ref": "#/components/schemas/ItemRecord"}
    return {
        "ItemRecord": {**whole, "description": "One thing that can be recommended."},
        "ItemChange": {**shape, "properties": known, "examples": [example]},
        "Items": {"type": "array", "items": {"allOf": [ref, {"required": ["item_id"]}]}},
    }


def event(plan: Plan | None) -> dict[str, Any]:
    """An example of an event."""
    kind = plan.events[0].name if plan and plan.events else "view"
    return {
        "event_id": "e1",
        "event_type": kind,
        "user_id": "u1",
        "session_id": "s1",
        "item_id": "i1",
        "timestamp": "2026-01-05T09:00:00Z",
    }


def item(plan: Plan | None) -> dict[str, Any]:
    """An example of an item record."""
    values = {"str": "…", "int": 1299, "float": 0.5, "bool": True, "decimal": 12.5, "list[str]": []}
    fields = plan.catalog.fields if plan else ()
    return {"item_id": "i1", **{f.name: values[f.kind] for f in fields}}


def _event(kind: PlanEvent) -> Schema:
    value = _number(kind.value_places)
    own = {"value": value, **{f.name: _value(f) for f in kind.fields}}
    return {
        "type": "object",
        "title": kind.name,
        "properties": {
            "event_type": {"const": kind.name},
            **_common(),
            **{name: _optional(schema) for name, schema in own.items()},
        },
        "required": ["event_type", "timestamp"],
        **({"allOf": _SOMEBODY} if kind is IDENTIFY else {"anyOf": _SOMEBODY}),
        "additionalProperties": False,
    }


def _any_event() -> Schema:
    return {
        "type": "object",
        "properties": {"event_type": {"type": "string"}, **_common()},
        "required": ["event_type", "timestamp"],
    }


_SOMEBODY: list[Schema] = [
    {"required": [name], "properties": {name: {"type": "string"}}}
    for name in ("user_id", "session_id")
]


def _common() -> dict[str, Schema]:
    ids = ("event_id", "user_id", "item_id", "session_id")
    return {"timestamp": TIMESTAMP, **{name: _optional(ID) for name in ids}}


def _value(field: PlanField) -> Schema:
    if field.kind == "str":
        return {"type": "string", "maxLength": 256, "pattern": "^[^\\x00]*$"}
    if field.kind == "list[str]":
        return {"type": "array", "items": {"type": "string", "pattern": "^[^\\x00]*$"}}
    if field.kind == "bool":
        return {"type": "boolean"}
    if field.kind == "float":
        return {"type": "number"}
    return _number(field.places if field.kind == "decimal" else 0)


def _number(places: int) -> Schema:
    """Fixed point: at most `places` decimals, below 2^31 when scaled."""
    most = LIMIT // 10**places
    if not places:
        return {"type": "integer", "minimum": -most, "maximum": most}
    step = 1 / 10**places
    return {"type": "number", "minimum": -most, "maximum": most, "multipleOf": step}


def _optional(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
