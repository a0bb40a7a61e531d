"""`afresh demo`: the first start streams a year of shopping in, every start serves the page."""

from __future__ import annotations

import errno
import time
import webbrowser
from pathlib import Path

from litestar import Router
from rich.console import Console

from afresh.app import App
from afresh.demo.bars import Bars
from afresh.demo.dataset import TERMS, read_tables
from afresh.demo.folder import DEFAULT, DemoFolder, Marker
from afresh.demo.prepare import DAY_MS, prepare
from afresh.demo.site import site
from afresh.errors import AfreshError
from afresh.loading import load
from afresh.runtime import Runtime
from afresh.serve.server import bind
from afresh.settings import Settings, load_settings
from afresh.transfer import import_files
from afresh.warm import warm
from afresh.watch.process import run_server

DEFINITION = Path(__file__).with_name("shop.py")
PORTS = 50
"""How many ports are tried, from the wished one up."""


def run(
    folder: Path = DEFAULT,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    open_browser: bool = False,
    fresh: bool = False,
    console: Console | None = None,
) -> None:
    """Serve the demo until a signal ends it; the first start prepares `folder`.

    The port is the next free one from `port` on. `fresh` begins again with all times
    shifted to now. Raises AfreshError: no data package, no room, not the demo's folder.
    """
    console = console or Console(highlight=False)
    app = load(DEFINITION)
    home = DemoFolder(folder)
    settings = load_settings(data=home.data, host=host, port=port, log_level="warning")
    settings = settings.model_copy(update={"api_key": None, "api_key_file": None, "site": None})
    marker = None if fresh else home.state()
    console.print(f"\n[bold]afresh[/]: a shop that changes its mind after every click\n{TERMS}\n")
    settings = on_free_port(settings)
    if marker is None:
        fill(home, app, settings, console)
    else:
        reuse(marker, console)
    serve(home, app, settings, console, open_browser=open_browser)


def fill(folder: DemoFolder, app: App, settings: Settings, console: Console) -> None:
    """Prepare the data and import it the way any file is imported; then the folder is ready."""
    console.print("[dim]Reading receipts …[/]")
    shop = prepare(read_tables(), int(time.time() * 1000))
    folder.clear()
    marker = folder.write(shop)
    console.print(f"Streaming [bold]{marker.events:,}[/] real shopping events in:")
    with Bars(console) as bars:
        bars("compile", 0, 1)  # on a new machine, the longest wait of all
        warm(app.plan(), app.surfaces)
        bars("compile", 1, 1)
        report = import_files(
            app, folder.data, settings, events=folder.events, items=folder.items, progress=bars
        )
    if report.rejected:
        first = report.rejects[0]
        raise AfreshError(
            f"The shop refused {report.rejected:,} records; row {first.row}: {first.detail}",
            hint=f"Was {DEFINITION} changed? Its fields must fit the data.",
        )
    marker.ready = True
    folder.mark(marker)


def reuse(marker: Marker, console: Console) -> None:
    """Say what is there already, and when it has grown old."""
    days = (time.time() * 1000 - marker.last_ms) / DAY_MS
    console.print(f"[dim]{marker.events:,} shopping events are here from an earlier start.[/]")
    if days >= 1:
        console.print(
            f"The last purchase is {days:.0f} {'day' if days < 1.5 else 'days'} old by now, so "
            "little trends but your clicks. [bold]--fresh[/] shifts the data to now again."
        )


def serve(
    home: DemoFolder, app: App, settings: Settings, console: Console, *, open_browser: bool = False
) -> None:
    """Serve the page and the API until a signal ends it."""

    def started(url: str, runtime: Runtime) -> None:
        bars.stop()
        console.print(f"\nOpen [bold]{url}[/] and click a product. Ctrl+C ends it.")
        console.print(f"[dim]Everything is in {home.path}; the API: {url}/docs[/]\n")
        if open_browser:
            webbrowser.open(url)

    page = Router("/", route_handlers=site(home.households))
    with Bars(console) as bars:
        run_server(app, home.data, settings, progress=bars, extra_routes=[page], started=started)


def on_free_port(settings: Settings) -> Settings:
    """The settings with the next port from theirs on that nobody listens on; 0 stays 0."""
    ports = range(settings.port, min(settings.port + PORTS, 65536))
    for port in ports:
        tried = settings.model_copy(update={"port": port})
        try:
            bind(tried).close()
        except AfreshError as error:
            cause = error.__cause__
            if not isinstance(cause, OSError) or cause.errno != errno.EADDRINUSE:
                raise
        else:
            return tried
    raise AfreshError(
        f"All ports from {ports[0]} to {ports[-1]} are taken.", hint="Name another with --port."
    )
