"""Whether a filter expression means something: its names exist, its types go together."""

from __future__ import annotations

from collections.abc import Mapping

from afresh.arrange.functions import SIGNATURES
from afresh.arrange.syntax import ExpressionError, Node
from afresh.problems import suggest

CONTEXT = "context."
KINDS = {"int": "number", "float": "number", "decimal": "number", "bool": "flag", "str": "text"}
"""What each type of a catalogue field is in an expression."""

_NAMES = {"number": "a number", "text": "a text", "flag": "true or false"}


def type_of(node: Node, fields: Mapping[str, str], context: Mapping[str, str]) -> str:
    """number, text or flag. fields: catalogue field -> its type; context: name -> number or text.

    Raises ExpressionError.
    """
    kind = node.kind
    if kind in ("number", "text", "flag"):
        return kind
    if kind == "name":
        return _name(node, fields, context)
    if kind == "call":
        return _call(node, fields, context)
    types = [type_of(part, fields, context) for part in node.parts if part.kind != "list"]
    if kind in ("and", "or", "not"):
        for part, found in zip(node.parts, types, strict=True):
            need(part, found, "flag", f"{kind} joins conditions")
        return "flag"
    if kind in ("+", "-", "*", "/", "negative"):
        for part, found in zip(node.parts, types, strict=True):
            need(part, found, "number", "arithmetic is done on numbers")
        return "number"
    if kind in ("in", "not in"):
        for part in node.parts[1].parts:
            if not constant(part):
                raise ExpressionError(part.at, "a list holds fixed values", "Compare with ==.")
            need(part, type_of(part, fields, context), types[0], "all in a list are of one type")
    elif kind in ("==", "!="):
        need(node.parts[1], types[1], types[0], f"{kind} compares values of one type")
    elif kind not in ("is null", "is not null"):
        for part, found in zip(node.parts, types, strict=True):
            need(part, found, "number", f"{kind} compares numbers")
    return "flag"


def constant(node: Node) -> bool:
    """Whether it is the same for every item: a value, or one of the request's context."""
    if node.kind == "negative":
        return constant(node.parts[0])
    in_context = node.kind == "name" and str(node.value).startswith(CONTEXT)
    return node.kind in ("number", "text", "flag") or in_context


def need(node: Node, found: str, wanted: str, why: str) -> None:
    """Raises ExpressionError unless a part has the wanted type."""
    if found != wanted:
        what = f"{node.value!r} is" if node.kind in ("name", "text") else "this is"
        hint = f"{why[0].upper()}{why[1:]}."
        raise ExpressionError(node.at, f"{what} {_NAMES[found]}, not {_NAMES[wanted]}", hint)


def _name(node: Node, fields: Mapping[str, str], context: Mapping[str, str]) -> str:
    name = str(node.value)
    if name.startswith(CONTEXT):
        key = name.removeprefix(CONTEXT)
        if key in context:
            return context[key]
        hint = suggest(key, context, prefix=CONTEXT) or "Send it in the request's `context`."
        raise ExpressionError(node.at, f"the request's context has no {key!r}", hint)
    if name not in fields:
        known = [*fields, *(CONTEXT + key for key in context)]
        hint = suggest(name, known) or "The catalogue has no fields."
        raise ExpressionError(node.at, f"the catalogue has no field {name!r}", hint)
    if fields[name] not in KINDS:
        hint = "Fields of text, numbers, and true or false can be read."
        raise ExpressionError(node.at, f"{name!r} is a {fields[name]}", hint)
    return KINDS[fields[name]]


def _call(node: Node, fields: Mapping[str, str], context: Mapping[str, str]) -> str:
    name = str(node.value)
    if name not in SIGNATURES:
        raise ExpressionError(node.at, f"there is no function {name!r}", suggest(name, SIGNATURES))
    names, accepted = SIGNATURES[name]
    if len(node.parts) != len(names):
        message = f"{name} takes {len(names)} values, not {len(node.parts)}"
        raise ExpressionError(node.at, message, f"Write {name}({', '.join(names)}).")
    for part, types in zip(node.parts, accepted, strict=True):
        found = type_of(part, fields, context)
        if found not in types:
            need(part, found, types[0], f"{name} takes {_NAMES[types[0]]} here")
    return "number"
