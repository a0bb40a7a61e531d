"""`afresh export`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afresh.cli.terminal import AppFile, AsJson, Config, DataFolder, err_console, say, say_json

NAME = "export"


def run(
    file: AppFile,
    events: Annotated[
        Path, typer.Option(help="Where to write: .ndjson, .csv or .parquet, also .gz of text.")
    ],
    data: DataFolder = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Write all events of the log into a file, in the order of their time.

    A server may run meanwhile; what arrives during the export is left out.

    Example: `afresh export app.py --data data --events events.parquet`
    """
    from afresh.loading import load
    from afresh.settings import load_settings

    settings = load_settings(file, config, data=data)
    app = load(file)

    from afresh.transfer import export_events
    from afresh.watch.progress import bars

    console = err_console()
    with bars(console, shown=console.is_terminal) as progress:
        n = export_events(app, settings.data, events, progress=progress)
    if as_json:
        say_json({"events": n, "file": str(events)})
    else:
        say(f"{n:,} events in {events}")
