"""`afresh vectors`: item vectors in a vector database"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from afresh.cli.terminal import AppFile, AsJson, Config, DataFolder, err_console, say, say_json

if TYPE_CHECKING:
    from pathlib import Path

    from afresh.settings import Settings
    from afresh.vectors.databases.connection import Connection

NAME = "vectors"
Vectors = Annotated[
    str | None,
    typer.Option("--vectors", help="qdrant://host:6333 and the like (setting `vectors`)."),
]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Item vectors in a vector database.",
)


@app.command("status")
def status(
    file: AppFile,
    data: DataFolder = None,
    vectors: Vectors = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say which collection is searched, what is in it, and how far it is behind the log.

    A server with the setting `vectors` fills the collection and keeps it up to the catalogue; it
    may run meanwhile. `behind` is in records of the log, of the server whose folder this is.

    Example: `afresh vectors status app.py --data data --vectors postgresql://me@db/shop`
    """
    from afresh.loading import load
    from afresh.vector_rebuild import status as status_of

    settings, connection = _opened(file, config, data, vectors)
    try:
        found = status_of(load(file), settings, connection)
    finally:
        connection.close()
    if as_json:
        say_json(found)
        return
    say(f"database    {found.where}")
    say(f"alias       {found.alias}")
    if found.live is None:
        say("live        nothing: start a server that writes, or `afresh vectors rebuild`")
    elif not found.own:
        say(f"live        {found.live}, of another encoder or catalogue: servers of this app")
        say("            answer from their own index until one of them writes")
    else:
        behind = "unknown here" if found.behind is None else f"{found.behind:,} records"
        say(f"live        {found.live}")
        say(f"points      {found.count:,} of {found.dimensions} dimensions, {found.metric}")
        say(f"fields      {', '.join(found.fields) or 'none'}")
        say(f"behind      {behind}")
    if found.others:
        say(f"others      {', '.join(found.others)}")


@app.command("rebuild")
def rebuild(
    file: AppFile,
    data: DataFolder = None,
    vectors: Vectors = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Fill a new collection from the log, have it searched in one step, and drop the old one.

    For when the collection is in doubt: somebody else wrote into it, or a backup came back. A
    server that searches or writes may run meanwhile; no answer goes without. A new encoder or a
    changed catalogue needs no rebuild: the next server that writes begins a collection by itself.

    Example: `afresh vectors rebuild app.py --data data --vectors qdrant://vectors:6333`
    """
    from afresh.loading import load
    from afresh.vector_rebuild import make_anew
    from afresh.watch.progress import bars

    settings, connection = _opened(file, config, data, vectors)
    console = err_console()
    try:
        with bars(console, shown=console.is_terminal) as progress:
            name, count = make_anew(load(file), settings, connection, progress)
    finally:
        connection.close()
    if as_json:
        say_json({"collection": name, "points": count})
        return
    say(f"{name} with {count:,} points is searched now")


def _opened(
    file: Path, config: Path | None, data: Path | None, vectors: str | None
) -> tuple[Settings, Connection]:
    from afresh.settings import load_settings
    from afresh.vectors.databases.connection import vectors_of

    settings = load_settings(file, config, data=data, vectors=vectors)
    return settings, vectors_of(settings)
