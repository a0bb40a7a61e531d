"""Opening the runtime that the settings ask for."""

from __future__ import annotations

from pathlib import Path

from afresh.app import App
from afresh.errors import AfreshError
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
