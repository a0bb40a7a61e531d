"""The public names of the package, with their signatures."""

from __future__ import annotations

import inspect
import re

from page_parts import prose

import afresh

ANNOTATION = re.compile(r"(: |-> )'([^']*)'")  # kept as text by the modules themselves


def signature(name: str, thing: object) -> str:
    """How it is called; only the name where that is without arguments."""
    try:
        text = str(inspect.signature(thing))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return name
    return name if text == "()" else name + ANNOTATION.sub(r"\1\2", text)


def describe(name: str) -> str:
    """One public name."""
    thing = getattr(afresh, name)
    callable_ = inspect.isclass(thing) or inspect.isfunction(thing)
    shown = signature(name, thing) if callable_ else name
    parts = [f"## {name}", f"```python\n{shown}\n```"]
    if callable_:
        parts.append(prose(thing))
    return "\n\n".join(part for part in parts if part)


def page() -> str:
    """The page."""
    names = [name for name in afresh.__all__ if not name.startswith("_")]
    return "\n\n".join(["# Python", prose(afresh), *map(describe, names)])
