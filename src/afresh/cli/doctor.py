"""`afresh doctor`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afresh.cli.terminal import AsJson, Config, DataFolder, say, say_json

NAME = "doctor"
_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


def run(
    file: Annotated[
        Path | None, typer.Argument(metavar="[APP.py]", help="A definition to check as well.")
    ] = None,
    data: DataFolder = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Look for what would stop or slow a server here, and say what to do about it.

    Python, packages, compiled kernels, disk, clock, the folder and its lock, the port. Ends
    with 1 when something has to be mended.

    Example: `afresh doctor app.py --data data`
    """
    from afresh.doctor import examine

    findings = examine(file, data, config)
    if as_json:
        say_json(findings)
    else:
        for found in findings:
            mark, colour = _MARKS[found.state]
            say(f"{typer.style(mark, fg=colour)} {found.subject:<11} {found.text}")
            if found.hint:
                say(f"  {'':<11} {found.hint}")
    if any(found.state == "error" for found in findings):
        raise typer.Exit(1)
