"""What commands share: their options, and how they speak."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

AppFile = Annotated[
    Path, typer.Argument(metavar="APP.py", help="The definition file.", show_default=False)
]
DataFolder = Annotated[
    Path | None,
    typer.Option("--data", help="The folder of the log and snapshots (setting `data`)."),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="A TOML file of settings, instead of afresh.toml beside APP."),
]
Log = Annotated[
    str | None,
    typer.Option("--log", help="kafka://host:9092/prefix (setting `log`).", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def say(text: str) -> None:
    """A line of the answer."""
    typer.echo(text)


def say_json(value: Any) -> None:
    """The answer for machines, on one line."""
    import msgspec

    typer.echo(msgspec.json.encode(value).decode())


def fail(text: str) -> NoReturn:
    """Say what went wrong and end with 1."""
    typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
    typer.echo(text, err=True)
    sys.exit(1)


def show_version(wanted: bool) -> None:
    """For --version."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"afresh {version('afresh')}")
        raise typer.Exit


def err_console() -> Any:
    """Where progress is drawn, so that the answer alone is on standard output."""
    from rich.console import Console

    return Console(stderr=True)
