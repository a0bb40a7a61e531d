"""Several serving processes over one log: what `serve --workers` runs.

Worker 0 writes the log and answers; the others follow it and answer.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

from afresh.app import App
from afresh.errors import AfreshError
from afresh.follow.bell import Bell
from afresh.follow.calls import FlushTraces
from afresh.follow.follower import Follower
from afresh.follow.peers import WRITER, Answering, Peers
from afresh.opening import make_log, open_runtime
from afresh.recovery import Progress, silent
from afresh.serve import create_app
from afresh.serve.channel import Channel
from afresh.serve.server import address, bind
from afresh.serve.supervisor import Supervisor
from afresh.serve.worker import WorkerServer
from afresh.service import Service
from afresh.settings import Settings
from afresh.traces import Traces
from afresh.warm import warm
from afresh.watch.logging import set_up_logging
from afresh.watch.metrics import Counted, Metrics
from afresh.watch.shared import SharedNumbers
from afresh.watch.slate import Slate

FLUSH_S = 2.0
"""How long others may take to write the traces that they hold."""

_THREADS = "Workers do not have them, and may wait for what they held; start none on import."

Routes = Callable[[Service], Sequence[Any]]

_log = structlog.get_logger("afresh.process")


def run_workers(
    app: App,
    folder: Path,
    settings: Settings,
    *,
    progress: Progress = silent,
    forking: Callable[[], None] = lambda: None,
    routes: Routes = lambda service: (),
) -> None:
    """Serve from `settings.workers` processes until a signal.

    progress: as for `Runtime.open`, of the kernels; `forking` is called before the first fork and
    must end every other thread. routes: more of them, for each worker. Raises AfreshError when
    the port or the folder cannot be had.
    """
    set_up_logging(settings)
    with bind(settings) as listening:
        # The files are made before several open them, and what is wrong with them is said here.
        make_log(app, folder, settings)
        Traces(folder, settings.traces_kept).close()
        progress("kernels", 0, 1)
        warm(app.plan(), app.surfaces)
        progress("kernels", 1, 1)
        forking()
        others = [thread.name for thread in threading.enumerate()][1:]
        if others:
            _log.warning("threads_before_fork", threads=others, hint=_THREADS)
        gc.collect()
        gc.freeze()
        bells = [Bell() for _ in range(settings.workers)]
        slates = [Slate() for _ in range(settings.workers)]

        def work(number: int, channel: Channel) -> int:
            return _Worker(app, folder, settings, number, channel, bells, slates).run(routes)

        def started() -> None:
            where = {"url": address(listening), "app": app.name, "folder": str(folder)}
            _log.info("serving", **where, workers=settings.workers)

        patience = settings.shutdown_timeout / 1000
        Supervisor(listening, work, settings.workers, patience=patience).run(started)
    _log.info("stopped")


class _Worker:
    """One worker in its process."""

    def __init__(
        self,
        app: App,
        folder: Path,
        settings: Settings,
        number: int,
        channel: Channel,
        bells: list[Bell],
        slates: list[Slate],
    ) -> None:
        self.app, self.folder, self.settings = app, folder, settings
        self.number, self.channel, self.bells = number, channel, bells
        self.slates, self.peers = slates, Peers()

    def run(self, routes: Routes) -> int:
        """Open, serve until a signal, close; the exit status."""
        structlog.contextvars.bind_contextvars(worker=self.number)
        gc.disable()  # a start makes many objects and no garbage
        try:
            service = self._open()
        except AfreshError as error:
            _log.error("worker_not_started", reason=str(error))
            return 1
        gc.enable()
        try:
            self._serve(service, routes)
        finally:
            service.close()
        return 0

    def _open(self) -> Service:
        app, folder, settings = self.app, self.folder, self.settings
        if self.number != WRITER:
            bell = self.bells[self.number]
            return Follower.open(app, folder, settings, bell, self.peers, lost=_end)
        runtime = open_runtime(app, folder, settings)
        followers = self.bells[1:]

        def appended() -> None:
            for bell in followers:
                bell.ring()

        runtime.store.appended = appended
        return runtime

    def _serve(self, service: Service, routes: Routes) -> None:
        metrics = Metrics(service.ready, Counted(service))
        shared = SharedNumbers(metrics.registry, self.number, self.slates, self.peers)
        metrics.page = shared.page
        self.peers.answer = Answering(service, shared.note)
        more = [metrics.route(), *routes(service)]
        gate = create_app(service, self.settings, more, metrics)

        def listening() -> None:
            loop = asyncio.get_running_loop()
            gc.freeze()

            def flush() -> None:
                asked = self.peers.ask_all(FlushTraces(), FLUSH_S)
                asyncio.run_coroutine_threadsafe(asked, loop).result()

            service.flush_elsewhere = flush

        async def join(number: int, connection: socket.socket) -> None:
            await self.peers.join(number, connection)

        WorkerServer(gate, self.settings, self.channel, join, listening).serve_connections()
        self.peers.close()


def _end(error: Exception) -> None:
    """Only a new start helps: end this process, and be replaced."""
    os.kill(os.getpid(), signal.SIGKILL)
