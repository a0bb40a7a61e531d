"""Opening the runtime that the settings ask for."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from afresh.app import App
from afresh.errors import AfreshError
from afresh.log.sqlite import SqliteLog
from afresh.recovery import Progress, silent
from afresh.runtime import Runtime
from afresh.settings import Settings


def open_runtime(
    app: App, folder: Path, settings: Settings, *, progress: Progress = silent
) -> Runtime:
    """Open a runtime over the log that the setting `log` names; see `Runtime.open`.

    Raises AfreshError when the log cannot be had.
    """
    runtime = _open(app, folder, settings, progress)
    if settings.intake:
        from afresh.intake.starting import intakes

        try:
            runtime.feeds += intakes(runtime)
            for feed in runtime.feeds:
                feed.start()
        except BaseException:
            runtime.close()
            raise
    return runtime


def make_log(app: App, folder: Path, settings: Settings) -> None:
    """Make the files of the log in a folder, unless they are there; no thread is left behind, so
    that this process may fork."""
    if not settings.log:
        SqliteLog(folder, app=app.name).close()
        return
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_make_mirror, args=(app, folder, settings, there))
    child.start()
    there.close()
    try:
        said: list[str] = msgspec.json.decode(here.recv_bytes())
    except EOFError:
        said = ["The mirror of the log could not be made.", ""]
    child.join()
    if said:
        raise AfreshError(said[0], hint=said[1])


def _make_mirror(app: App, folder: Path, settings: Settings, told: Connection) -> None:
    from afresh.mirror.runtime import MirrorRuntime

    try:
        MirrorRuntime.log_of(app, folder, settings).close()
        said: list[str] = []
    except AfreshError as error:
        said = [error.message, error.hint]
    told.send_bytes(msgspec.json.encode(said))


def _open(app: App, folder: Path, settings: Settings, progress: Progress) -> Runtime:
    if not settings.log:
        return Runtime.open(app, folder, settings, progress=progress)
    from afresh.log.kafka.address import is_kafka
    from afresh.mirror.runtime import MirrorRuntime

    if not is_kafka(settings.log):
        raise AfreshError(
            f"log: {settings.log!r} names no log that there is.",
            hint="Empty is a log in the data folder; else kafka://… or kafka+ssl://….",
        )
    return MirrorRuntime.open(app, folder, settings, progress=progress)
