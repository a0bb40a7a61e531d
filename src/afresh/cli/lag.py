"""`afresh lag`"""

from __future__ import annotations

from typing import Annotated

import typer

from afresh.cli.terminal import AppFile, AsJson, Config, DataFolder, Log, say, say_json

NAME = "lag"


def run(
    file: AppFile,
    data: DataFolder = None,
    log: Log = None,
    most: Annotated[
        int | None, typer.Option(help="End with 1 when more records than this are behind.")
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say how far the server of a folder is behind its log, also while it runs.

    With a log on Kafka: by partition, what the topics hold and how much of it is in the mirror.
    With the log in the folder: how much of it the newest snapshot does not hold, which is what the
    next start has to fold.

    Example: `afresh lag app.py --data data --log kafka://broker:9092/shop`
    """
    from afresh.settings import load_settings
    from afresh.watch.lag import lags

    rows = lags(load_settings(file, config, data=data, log=log))
    if as_json:
        say_json(rows)
    else:
        say(f"{'partition':<28} {'first':>12} {'end':>12} {'reached':>12} {'behind':>10}")
        for row in rows:
            numbers = f"{row.first:>12,} {row.end:>12,} {row.reached:>12,} {row.behind:>10,}"
            say(f"{row.name:<28} {numbers}")
    if most is not None and sum(row.behind for row in rows) > most:
        raise typer.Exit(1)
