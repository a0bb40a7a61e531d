"""Commands, from the command line's own definition."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer
from page_parts import cell, code, table

from afresh import cli


def root() -> Any:
    """The click group behind `afresh`."""
    apps = [value for value in vars(cli).values() if isinstance(value, typer.Typer)]
    return typer.main.get_command(apps[0])


def commands(group: Any, path: str = "afresh") -> Iterator[tuple[str, Any]]:
    """Every command with its full name, in the order of `--help`."""
    for name, command in group.commands.items():
        if getattr(command, "hidden", False):
            continue
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def names(parameter: Any) -> str:
    """How a parameter is written on the command line."""
    if parameter.param_type_name == "argument":
        return code(parameter.name.upper())
    return ", ".join(code(name) for name in (*parameter.opts, *parameter.secondary_opts))


def default_of(parameter: Any) -> str:
    """The default, where there is one worth saying."""
    if parameter.required:
        return "required"
    value = parameter.default
    if value is None or value is False or callable(value) or value in ((), [], ""):
        return ""
    if "unset" in str(value).lower():
        return ""
    return code(value)


def describe(name: str, command: Any) -> str:
    """One command: its help, how to call it, its parameters."""
    shown = [p for p in command.params if not getattr(p, "hidden", False) and p.name != "help"]
    usage = " ".join(
        (p.name.upper() if p.required else f"[{p.name.upper()}]")
        for p in shown
        if p.param_type_name == "argument"
    )
    line = " ".join(part for part in (name, usage, "[OPTIONS]") if part)
    rows = [(names(p), cell(getattr(p, "help", None) or ""), default_of(p)) for p in shown]
    parts = [f"## {name}", inspect.cleandoc(command.help or ""), f"```sh\n{line}\n```"]
    if rows:
        parts.append(table(("", "Meaning", "Default"), rows))
    return "\n\n".join(parts)


def page() -> str:
    """The page."""
    group = root()
    blocks = [describe(name, command) for name, command in commands(group)]
    intro = inspect.cleandoc(group.help or "")
    return "\n\n".join(["# Commands", intro, *blocks])
