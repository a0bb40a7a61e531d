"""`afresh check`"""

from __future__ import annotations

from typing import Annotated

import typer

from afresh.cli.terminal import AppFile, AsJson, say, say_json

NAME = "check"


def run(
    file: AppFile,
    as_json: AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
) -> None:
    """Find every mistake in a definition: the line, what is wrong, what to write instead.

    Ends with 1 when there is one.

    Example: `afresh check app.py`
    """
    from afresh.loading import check

    problems = check(file)
    if as_json:
        say_json(problems)
    else:
        for problem in problems:
            say(str(problem))
        if not problems:
            say(f"{file}: sound")
    if any(strict or problem.severity == "error" for problem in problems):
        raise typer.Exit(1)
