"""`afresh plan`"""

from __future__ import annotations

from typing import Annotated

import typer

from afresh.cli.terminal import AppFile, AsJson, say

NAME = "plan"


def run(
    file: AppFile,
    engine: Annotated[str, typer.Option(help="The engine that would run it.")] = "embedded",
    as_json: AsJson = False,
) -> None:
    """Show what a definition means: what is kept, how long, and which feature reads what.

    Example: `afresh plan app.py --json`
    """
    from afresh.features.describe import describe_plan
    from afresh.loading import load

    plan = load(file).plan()
    text = describe_plan(plan, engine)
    say(plan.to_json().decode() if as_json else text)
