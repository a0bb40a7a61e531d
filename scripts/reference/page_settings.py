"""Settings, from the fields of `afresh.settings.Settings`."""

from __future__ import annotations

import ast

from page_parts import code, prose, table
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from afresh import settings
from afresh.settings import Settings

WORDS = {
    "bool": "true or false",
    "Duration": "duration",
    "float": "number",
    "int": "integer",
    "Path": "path",
    "SecretStr": "secret",
    "Size": "size",
    "str": "text",
}


def kind(annotation: ast.expr) -> str:
    """A type as somebody who writes the setting would call it."""
    match annotation:
        case ast.BinOp(left=left, right=ast.Constant(value=None)):
            return kind(left)
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[first, *_])):
            return kind(first)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=choices)):
            return ", ".join(code(ast.literal_eval(one)) for one in choices)
        case ast.Subscript(value=ast.Name(id="tuple" | "list"), slice=ast.Tuple(elts=[first, *_])):
            return f"list of {kind(first)}"
    text = ast.unparse(annotation)
    return WORDS.get(text, text)


def default(field: FieldInfo) -> str:
    """The default as it would be written, or that there is none."""
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, bool):
        return code(str(value).lower())
    return code(value) if value not in (None, "", [], {}, ()) else "none"


def page() -> str:
    """The page."""
    prefix = Settings.model_config.get("env_prefix") or ""
    types = {
        name: ast.parse(written, mode="eval").body
        for source in (Settings, *Settings.__bases__)
        for name, written in source.__annotations__.items()
        if name in Settings.model_fields
    }
    rows = [
        (
            code(name),
            code((prefix + name).upper()),
            kind(types[name]),
            default(field),
            field.description or "",
        )
        for name, field in ((name, Settings.model_fields[name]) for name in types)
    ]
    head = ("Setting", "Environment", "Type", "Default", "Meaning")
    return "\n\n".join(["# Settings", prose(settings), prose(Settings), table(head, rows)])
