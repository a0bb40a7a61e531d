"""`afresh serve`"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from afresh.cli.terminal import AppFile, Config, DataFolder, err_console

if TYPE_CHECKING:
    from afresh.app import App
    from afresh.settings import Settings

NAME = "serve"


def run(
    file: AppFile,
    host: Annotated[
        str | None, typer.Option(help="The address to listen on (setting `host`).")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="The port; 0 finds a free one (setting `port`).")
    ] = None,
    data: DataFolder = None,
    log: Annotated[
        str | None, typer.Option(help="kafka://host:9092/prefix, a shared log (setting `log`).")
    ] = None,
    site: Annotated[
        Path | None,
        typer.Option(help="A page to serve at /, or the folder of one (setting `site`)."),
    ] = None,
    config: Config = None,
    workers: Annotated[
        int | None, typer.Option(help="How many processes answer (setting `workers`).")
    ] = None,
    store_only: Annotated[
        bool,
        typer.Option(
            "--store-only",
            help="Hold no log: answer features from the store that another server writes "
            "(setting `store`). With --log, a person's own events are read where it is behind.",
        ),
    ] = False,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error (setting `log_level`).")
    ] = None,
) -> None:
    """Take events and answer requests over HTTP, from one folder.

    Every other setting stands in `afresh.toml` beside the definition or in the environment
    (`AFRESH_MAX_BODY_BYTES=64MiB`). Beyond this machine an API key is needed: AFRESH_API_KEY.
    With `--log`, several servers on several machines share their events.
    With more than one worker, one process writes the log and the others follow it.
    Ctrl-C finishes what is in flight and takes a snapshot; a second one ends at once.

    Example: `afresh serve app.py --port 9000 --data data`
    """
    import gc

    with ExitStack() as starting:
        gc.disable()  # a start makes many objects and no garbage
        starting.callback(gc.enable)

        from afresh.loading import load
        from afresh.settings import load_settings

        given = {
            "host": host,
            "port": port,
            "data": data,
            "log": log,
            "site": site,
            "log_level": log_level,
        }
        given["workers"] = workers
        settings = load_settings(file, config, **given)
        app = load(file)
        app.plan()  # a mistake in the definition is said before anything is opened

        if store_only:
            _serve_store(app, settings, starting.close)
            return

        from afresh.serve.site import site_files
        from afresh.watch.progress import bars

        if settings.site:
            site_files(settings.site)  # so is one in its page
        console = err_console()
        progress = starting.enter_context(bars(console, shown=console.is_terminal))
        if settings.workers > 1:
            from afresh.watch.workers import run_workers

            run_workers(app, settings.data, settings, progress=progress, forking=starting.close)
            return
        from afresh.watch.process import run_server

        run_server(
            app, settings.data, settings, progress=progress, started=lambda *_: starting.close()
        )


def _serve_store(app: App, settings: Settings, started: Callable[[], None]) -> None:
    from afresh.errors import AfreshError
    from afresh.watch.process import run_store_server

    if settings.workers > 1:
        text = "A server of the store alone is one process."
        raise AfreshError(
            text, hint="It holds nothing: start as many as you like, without --workers."
        )
    run_store_server(app, settings, started=lambda *_: started())
