"""`afresh batch`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afresh.cli.terminal import AppFile, AsJson, Config, DataFolder, err_console, say, say_json

NAME = "batch"


def run(
    file: AppFile,
    out: Annotated[Path, typer.Option(help="The lake: a folder of Parquet files.")],
    data: DataFolder = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Write events and facts of whole days as Parquet files; again for what came since.

    Brings what the log got since the last run into `OUT/events/day=…`, then makes the facts of
    each UTC day that no live event can reach any more (`admission_horizon`), where the day's
    events or the definition changed: `OUT/facts/day=…/revision=N`, of which the greatest counts.
    They are the facts of a server, to the byte. A server may use the folder meanwhile; a run that
    was killed is completed by the next. Run it once a day, after midnight and the horizon.

    Example: `afresh batch app.py --data data --out lake`
    """
    from dataclasses import asdict

    from afresh.lake import run as bring_up_to_date
    from afresh.loading import load
    from afresh.log.sqlite import SqliteLog
    from afresh.settings import load_settings
    from afresh.watch.progress import bars

    settings = load_settings(file, config, data=data)
    app, console = load(file), err_console()
    plan = app.plan()
    log = SqliteLog(settings.data, app=app.name, readonly=True)
    try:
        with bars(console, shown=console.is_terminal) as progress:
            report = bring_up_to_date(
                plan, log, out, horizon_ms=settings.admission_horizon, progress=progress
            )
    finally:
        log.close()
    if as_json:
        say_json(asdict(report))
        return
    say(f"{report.events:,} events brought to {out}, which has {report.days:,} days")
    open_days = report.days - report.closed
    say(f"{report.revisions:,} of {report.closed:,} closed days got new facts; {open_days:,} open")
