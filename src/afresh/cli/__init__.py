"""The command line: `afresh COMMAND --help` teaches each command with an example.

One file a command; each imports what it needs when it runs, so that `--help` is quick.
"""

from __future__ import annotations

import sys

import typer

from afresh.cli import (
    batch,
    check,
    demo,
    doctor,
    evaluate,
    events,
    exporting,
    feast,
    features,
    feed,
    flink,
    importing,
    kafka,
    lag,
    models,
    new,
    plan,
    serve,
    train,
    vectors,
)
from afresh.cli.terminal import fail, show_version
from afresh.errors import AfreshError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_debug = False


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", callback=show_version, is_eager=True, help="Say which version this is."
    ),
    debug: bool = typer.Option(False, "--debug", help="Show where in the code an error came from."),
) -> None:
    """Recommendations, made afresh after every event.

    New here? `afresh demo` opens a shop with real events; `afresh new FOLDER` starts your own.
    """
    global _debug
    _debug = debug


COMMANDS = (
    demo, new, serve, check, plan, importing, exporting, batch, evaluate, features, feed, train,
    lag,
    doctor,
)  # fmt: skip
for command in COMMANDS:
    app.command(command.NAME)(command.run)
app.add_typer(models.app, name=models.NAME)
app.add_typer(events.app, name=events.NAME)
app.add_typer(kafka.app, name=kafka.NAME)
app.add_typer(flink.app, name=flink.NAME)
app.add_typer(vectors.app, name=vectors.NAME)
app.add_typer(feast.app, name=feast.NAME)


def main() -> None:
    """The program. Exit codes: 0 done, 1 an error that is explained, 2 a wrong call."""
    try:
        app(prog_name="afresh")
    except AfreshError as error:
        if _debug:
            raise
        fail(str(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if _debug:
            raise
        text = f"{type(error).__name__}: {error}"
        fail(f"Something broke that should not: {text}\n  Run it again with: afresh --debug …")
