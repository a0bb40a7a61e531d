"""Settings, from the fields of `afresh.settings.Settings`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from afresh.settings import Settings
from page_parts import code, prose, table
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined


def fields(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, FieldInfo]]:
    """Every setting by its dotted name, those of nested groups too."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields(kind, (*path, name))
        else:
            yield ".".join((*path, name)), field


def variable(name: str) -> str:
    """The environment variable that sets it."""
    config = Settings.model_config
    join = config.get("env_nested_delimiter") or "__"
    return (str(config.get("env_prefix") or "") + name.replace(".", join)).upper()


def kind_of(field: FieldInfo) -> str:
    """The type as it would be written."""
    kind: Any = field.annotation
    text = kind.__name__ if isinstance(kind, type) else str(kind)
    for prefix in ("typing.", "pathlib.", "afresh.settings."):
        text = text.replace(prefix, "")
    return text


def default_of(field: FieldInfo) -> str:
    """The default as it would be written, or that there is none."""
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "required"
    return code(value) if value not in (None, "", [], {}, ()) else "none"


def page() -> str:
    """The page."""
    rows = [
        (
            code(name),
            code(variable(name)),
            kind_of(field),
            default_of(field),
            field.description or "",
        )
        for name, field in fields(Settings)
    ]
    head = ("Setting", "Environment", "Type", "Default", "Meaning")
    return f"# Settings\n\n{prose(Settings)}\n\n{table(head, rows)}\n"
