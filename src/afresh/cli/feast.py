"""`afresh feast`: a Feast repository over our values"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afresh.cli.terminal import AppFile, AsJson, Config, DataFolder, say, say_json

NAME = "feast"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Live values and point-in-time rows through Feast.",
)


@app.callback()
def root() -> None:
    """Live values and point-in-time rows through Feast."""


@app.command("init")
def init(
    file: AppFile,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The repository; made if it is not there.")
    ],
    data: DataFolder = None,
    store: Annotated[
        str | None,
        typer.Option(help="redis://host:6379/0 (setting `store`).", show_default=False),
    ] = None,
    server: Annotated[
        str, typer.Option(help="The server that takes pushed events.")
    ] = "http://127.0.0.1:8000",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the files and write nothing.")
    ] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Write a Feast repository for the definition: entities, views, a push source, services.

    Run it again after a change of the definition, and `feast apply` after that. What it did not
    write itself it does not overwrite. Feast need not be installed to write the files.

    Example: `afresh feast init app.py features && cd features && feast apply`
    """
    from afresh.feast.declared import declared
    from afresh.feast.repository import files
    from afresh.feast.writing import check, places_of, write
    from afresh.loading import load
    from afresh.settings import load_settings

    settings = load_settings(file, config, data=data)
    texts = files(
        declared(load(file).plan()), places_of(file, settings.data, folder, store, server)
    )
    changed = check(folder, texts) if dry_run else write(folder, texts)
    if as_json:
        say_json({"files": texts, "changed": [path.name for path in changed]})
        return
    if dry_run:
        for name, text in texts.items():
            say(f"# {folder / name}\n{text}")
        return
    for name in texts:
        say(f"{'wrote' if folder / name in changed else 'kept '} {folder / name}")
    say(f"\nNext: cd {folder} && feast apply")
