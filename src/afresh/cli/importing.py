"""`afresh import`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afresh.cli.terminal import AppFile, AsJson, Config, DataFolder, err_console, say, say_json

NAME = "import"
_KINDS = "Parquet, CSV or NDJSON, by the file's ending."


def run(
    file: AppFile,
    events: Annotated[Path | None, typer.Option(help=f"A file of events: {_KINDS}")] = None,
    items: Annotated[Path | None, typer.Option(help=f"A file of items: {_KINDS}")] = None,
    data: DataFolder = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Bring history into the log: events of any age in any order, and items.

    The same file twice is the same events once. What cannot be taken is listed with its row and
    the reason, and the rest goes in. No server may hold the folder meanwhile.

    Example: `afresh import app.py --items items.csv --events events.parquet --data data`
    """
    from afresh.errors import AfreshError
    from afresh.loading import load
    from afresh.settings import load_settings

    if events is None and items is None:
        raise typer.BadParameter("Name a file with --events or --items.")
    for path in (events, items):
        if path is not None and not path.is_file():
            raise AfreshError(f"There is no file {path}", hint="Check --events and --items.")
    settings = load_settings(file, config, data=data)
    app = load(file)

    from afresh.transfer import import_files
    from afresh.watch.progress import bars

    console = err_console()
    with bars(console, shown=console.is_terminal) as progress:
        report = import_files(
            app, settings.data, settings, events=events, items=items, progress=progress
        )
    if as_json:
        say_json(report)
        return
    say(
        f"{report.events:,} events and {report.items:,} items in {report.seconds:.1f} s; "
        f"{report.duplicates:,} duplicates, {report.rejected:,} rejected"
    )
    for reject in report.rejects:
        say(f"  row {reject.row}: {reject.code} at {reject.path}: {reject.detail}")
    if report.rejected > len(report.rejects):
        say(f"  … and {report.rejected - len(report.rejects):,} more")
