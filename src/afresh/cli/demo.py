"""`afresh demo`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

NAME = "demo"


def run(
    data: Annotated[
        Path | None, typer.Option("--data", help="The one folder it leaves behind.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port, or the next free one.")] = 8000,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser.")
    ] = True,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin again, with the data shifted to now.")
    ] = False,
) -> None:
    """Open a shop: real events stream in, a page shows the answers change.

    A year of shopping, 1.47 million purchases, is put into a log in the folder `.afresh-demo` and
    served with a page: click a product, and the next list is different. A second start takes
    seconds.

    Example: `afresh demo --port 9000 --no-open`
    """
    from afresh.demo.folder import DEFAULT
    from afresh.demo.start import run as start

    start(data or DEFAULT, host=host, port=port, open_browser=open_browser, fresh=fresh)
