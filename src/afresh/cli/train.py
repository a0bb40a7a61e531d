"""`afresh train`"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from afresh.cli.terminal import AppFile, AsJson, Config, DataFolder, err_console, say, say_json

NAME = "train"


class RowsFrom(StrEnum):
    """What is learned from."""

    AUTO = "auto"
    IMPRESSIONS = "impressions"
    REPLAY = "replay"


def run(
    file: AppFile,
    surface: Annotated[str, typer.Option(help="The surface whose lists are ranked.")] = "home",
    rows: Annotated[
        int,
        typer.Option(
            min=1, help="About how many candidates to learn from, a hundred each question."
        ),
    ] = 1_000_000,
    rows_from: Annotated[
        RowsFrom,
        typer.Option(
            "--from",
            help="Learn from what was shown, or from a replay; auto: the first where there is "
            "enough of it.",
        ),
    ] = RowsFrom.AUTO,
    seed: Annotated[
        int, typer.Option(min=0, help="The same log and seed give the same model.")
    ] = 0,
    name: Annotated[str, typer.Option(help="Of the model; one of the moment without it.")] = "",
    without: Annotated[
        list[str] | None,
        typer.Option("--without", help="A column that it shall not read; may be repeated."),
    ] = None,
    whole: Annotated[
        bool,
        typer.Option(
            "--whole", help="Once judged, learn again from all questions, those that judged too."
        ),
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads that learn; one a core without it.")
    ] = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="Have it rank at once; a server notices by itself.")
    ] = False,
    write_rows: Annotated[
        Path | None,
        typer.Option(
            help="Write the rows to this Parquet file, for another trainer, and train nothing."
        ),
    ] = None,
    data: DataFolder = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Train a ranker on what people did, and say what it is worth.

    The log is folded again; before an outcome is, the surface is asked what it would have shown,
    and trees learn to tell what was taken (LambdaMART). A server may run meanwhile. The model goes
    into the registry (`afresh models`) with its report. Needs `afresh[train]`.

    Example: `afresh train app.py --data data --surface home --seed 0`

    Example: `afresh train app.py --data data --write-rows rows.parquet`
    """
    from afresh.errors import AfreshError
    from afresh.loading import load
    from afresh.settings import load_settings

    settings = load_settings(file, config, data=data)
    app = load(file)
    if not settings.data.is_dir():
        raise AfreshError(f"There is no folder {settings.data}", hint="Name it with --data.")

    from afresh.train.report import told
    from afresh.train.run import Wanted, trained
    from afresh.watch.progress import bars

    wanted = Wanted(
        surface=surface, rows=rows, rows_from=rows_from.value, seed=seed, name=name,
        without=tuple(without or ()), whole=whole, threads=threads,
    )  # fmt: skip
    console = err_console()
    if write_rows is not None:
        from afresh.train.rows import write_rows as written

        with bars(console, shown=console.is_terminal) as progress:
            found = written(app, settings.data, wanted, write_rows, progress)
        if as_json:
            say_json(found._asdict())
            return
        said = f"{found.rows:,} rows of {found.questions:,} questions ({found.rows_from})"
        say(f"{said}: {write_rows}")
        return
    with bars(console, shown=console.is_terminal) as progress:
        report = trained(app, settings.data, wanted, progress)
    if promote:
        from afresh.cli.models import promoted

        promoted(app, settings.data, report.model)
    if as_json:
        say_json(report)
        return
    for line in told(report):
        say(line)
    say(f"\nIts card: afresh models card {file} {report.model} --data {settings.data}")
    if not promote:
        say(f"Have it rank: afresh models promote {file} {report.model} --data {settings.data}")
