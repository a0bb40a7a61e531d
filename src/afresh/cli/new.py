"""`afresh new`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afresh.cli.terminal import say

NAME = "new"


def run(
    folder: Annotated[Path, typer.Argument(help="Where to write; made if it is not there.")],
) -> None:
    """Start your own: a definition, a test that passes, a few events.

    Nothing that exists is overwritten.

    Example: `afresh new shop && cd shop && afresh check app.py`
    """
    from afresh.new import new

    for path in new(folder):
        say(f"wrote {path}")
    say(f"\nNext: cd {folder} && afresh check app.py && afresh serve app.py")
