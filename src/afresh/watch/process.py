"""One serving process, from its first log line to its last: what `serve` and `demo` run."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import structlog

from afresh.app import App
from afresh.feed.feeding import Feeding, Source
from afresh.log.kafka.address import is_kafka
from afresh.opening import open_runtime
from afresh.own_events import OwnEvents
from afresh.recovery import Progress, silent
from afresh.runtime import Runtime
from afresh.serve.server import address, bind, make_server
from afresh.settings import Settings
from afresh.store.opening import open_store
from afresh.store.warm import warm
from afresh.stored_answers import StoredAnswers
from afresh.watch.feeding import Fed
from afresh.watch.logging import set_up_logging
from afresh.watch.metrics import observed_app, observed_store_app

_log = structlog.get_logger("afresh.process")


def run_server(
    app: App,
    folder: Path,
    settings: Settings,
    *,
    progress: Progress = silent,
    extra_routes: Sequence[Any] = (),
    started: Callable[[str, Runtime], None] = lambda url, runtime: None,
) -> None:
    """Open the folder, serve until a signal, close it; `started` is told where, once it listens.

    The port is taken first, so that a mistake shows at once; nobody can connect until the log
    is folded. Raises AfreshError when the port or the folder cannot be had.
    """
    set_up_logging(settings)
    with bind(settings) as socket:
        began = time.perf_counter()
        runtime = open_runtime(app, folder, settings, progress=progress)
        try:
            url, seconds = address(socket), round(time.perf_counter() - began, 3)

            def listening() -> None:
                where = {"url": url, "app": app.name, "folder": str(folder)}
                # What was made for the start stays: collections need never walk it again.
                gc.freeze()
                _log.info("serving", **where, open_seconds=seconds)
                started(url, runtime)

            gate = observed_app(runtime, settings, extra_routes)
            make_server(gate, settings, listening).run([socket])
        finally:
            runtime.close()
    _log.info("stopped")


def run_store_server(
    app: App,
    settings: Settings,
    *,
    started: Callable[[str, StoredAnswers], None] = lambda url, answers: None,
) -> None:
    """Answer features from the store until a signal, without a folder; `started` is told where.

    A store that is away is no reason not to start: requests are refused (503) until it is there.
    Raises AfreshError when the port cannot be had or no store is named.
    """
    set_up_logging(settings)
    with bind(settings) as socket:
        plan = app.plan()
        own = OwnEvents(plan, settings) if is_kafka(settings.log) else None
        answers = StoredAnswers(plan, open_store(settings), settings.store_prefix, own)
        try:
            warm(plan)
            if own is not None:
                own.start()
            answers.ready()
            url = address(socket)

            def listening() -> None:
                _log.info("serving_from_store", url=url, app=app.name)
                started(url, answers)

            gate = observed_store_app(answers, settings)
            make_server(gate, settings, listening).run([socket])
        finally:
            answers.close()
    _log.info("stopped")


def run_feeder(
    app: App,
    settings: Settings,
    source: Source,
    *,
    started: Callable[[str, Feeding], None] = lambda url, feeding: None,
) -> None:
    """Keep the store up to the facts of an engine until a signal, and answer from it meanwhile;
    `started` is told where.

    Raises AfreshError when the port cannot be had, no store is named, or topics are missing, and
    Unavailable without brokers.
    """
    set_up_logging(settings)
    with bind(settings) as socket, ExitStack() as end:
        store = open_store(settings)
        end.callback(store.close)
        answers = StoredAnswers(app.plan(), open_store(settings), settings.store_prefix)
        end.callback(answers.close)
        feeding = Feeding(answers.plan, source, store, settings.store_prefix)
        end.callback(feeding.close)
        feeding.start()
        url = address(socket)

        def listening() -> None:
            _log.info("feeding_the_store", url=url, app=app.name)
            started(url, feeding)

        gate = observed_store_app(answers, settings, Fed(feeding))
        make_server(gate, settings, listening).run([socket])
    _log.info("stopped")
