"""The supervisor: forks workers, hands connections to them in turn, replaces those that die.

It listens and accepts; a connection belongs to the worker it was handed to until it ends. Workers
are forked, so that all run the same code and the same definition, and a new one needs neither
imports nor kernels. So the supervisor has no other thread, and opens nothing but sockets.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import structlog

from afresh.errors import AfreshError
from afresh.serve.acceptor import Acceptor
from afresh.serve.channel import CONNECTION, PEER, READY, Channel

WRITER = 0
"""The number of the worker that is started first and ends last."""
STEADY_S = 10.0
"""A worker that lived so long is replaced at once; others wait longer each time, …"""
SHORTEST_S, LONGEST_S = 0.1, 5.0
"""… from, to."""
GRACE_S = 5.0
"""How much longer than their patience workers may take to end."""

Work = Callable[[int, Channel], int]
"""work(number, channel): what a worker does in its process; returns its exit status."""

_log = structlog.get_logger("afresh.supervisor")


@dataclass(slots=True)
class _Worker:
    number: int
    pid: int = 0
    channel: Channel | None = None
    ready: bool = False
    started_at: float = 0.0
    again_at: float | None = None
    quick_deaths: int = field(default=0)


class Supervisor:
    """Runs `count` workers over a listening socket. patience: seconds that a worker which is told
    to stop may take, the writer aside: it saves what it has, however long."""

    def __init__(
        self, listening: socket.socket, work: Work, count: int, *, patience: float
    ) -> None:
        self._work, self._patience = work, patience
        self._workers = [_Worker(number) for number in range(count)]
        self._selector = selectors.DefaultSelector()
        self._turn = 0
        self._signals: list[int] = []
        self._started: Callable[[], None] | None = None
        self._acceptor = Acceptor(listening, self._selector, self._hand_over)

    def run(self, started: Callable[[], None]) -> None:
        """Until a signal; `started` is called once, when all workers are ready.

        Raises AfreshError when a worker ends before all were ready.
        """
        self._started = started
        woken, wakes = socket.socketpair()
        woken.setblocking(False)
        wakes.setblocking(False)
        before = {sig: signal.signal(sig, self._signalled) for sig in _HEARD}
        wakeup = signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
        self._selector.register(woken, selectors.EVENT_READ, lambda: _drain(woken))
        try:
            for worker in self._workers:
                self._fork(worker)
            while not self._signals:
                self._turn_once()
            self._stop()
        finally:
            self._kill()
            signal.set_wakeup_fd(wakeup)
            for sig, handler in before.items():
                signal.signal(sig, handler)
            self._selector.close()
            woken.close()
            wakes.close()

    def _signalled(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGCHLD:
            return  # it woke the selector
        if self._signals:
            self._kill()
            os._exit(128 + sig)
        _log.info("stopping", signal=signal.Signals(sig).name)
        self._signals.append(sig)

    def _turn_once(self) -> None:
        due = [w.again_at for w in self._workers if w.again_at is not None]
        if self._acceptor.again_at is not None:
            due.append(self._acceptor.again_at)
        wait = max(0.0, min(due) - time.monotonic()) if due else None
        for key, _ in self._selector.select(wait):
            key.data()
        self._reap()
        now = time.monotonic()
        for worker in self._workers:
            if worker.again_at is not None and worker.again_at <= now:
                self._fork(worker)
        self._acceptor.want(self._wanted())

    # Workers.

    def _fork(self, worker: _Worker) -> None:
        ours, theirs = Channel.pair()
        sys.stdout.flush()
        sys.stderr.flush()
        worker.again_at = None
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                ours.close()
                self._leave()
                status = self._work(worker.number, theirs)
            except BaseException as error:
                _log.critical("worker_failed", worker=worker.number, exc_info=error)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        theirs.close()
        worker.pid, worker.channel, worker.ready = pid, ours, False
        worker.started_at = time.monotonic()
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._hear(worker))

    def _leave(self) -> None:
        """In a new worker: give up what is the supervisor's. SIGINT, which a terminal sends to
        all, is its to hear."""
        signal.set_wakeup_fd(-1)
        for sig in _HEARD:
            signal.signal(sig, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for other in self._workers:
            if other.channel is not None:
                other.channel.close()
        self._acceptor.leave()
        self._selector.close()

    def _hear(self, worker: _Worker) -> None:
        if worker.channel is None:
            return
        try:
            for kind, _, _ in worker.channel.received():
                if kind == READY:
                    self._introduce(worker)
        except EOFError:
            self._cut(worker)  # it ends; it is replaced when it has

    def _introduce(self, worker: _Worker) -> None:
        """A worker answers: link it to each of the others."""
        worker.ready = True
        for other in self._workers:
            if other is worker or not other.ready or not other.channel or not worker.channel:
                continue
            one, two = socket.socketpair()
            with one, two:
                worker.channel.send(PEER, other.number, one)
                other.channel.send(PEER, worker.number, two)
        if self._started is not None and all(w.ready for w in self._workers):
            started, self._started = self._started, None
            started()
        elif self._started is None:
            _log.info("worker_replaced", worker=worker.number, pid=worker.pid)

    def _cut(self, worker: _Worker) -> None:
        worker.ready = False
        if worker.channel is not None:
            self._selector.unregister(worker.channel)
            worker.channel.close()
            worker.channel = None

    def _reap(self) -> None:
        for worker in self._workers:
            if not worker.pid or os.waitpid(worker.pid, os.WNOHANG)[0] == 0:
                continue
            pid, worker.pid = worker.pid, 0
            self._cut(worker)
            if self._signals:
                continue
            if self._started is not None:
                raise AfreshError(
                    f"Worker {worker.number} (process {pid}) ended before the server was ready.",
                    hint="The log above says why.",
                )
            lived = time.monotonic() - worker.started_at
            worker.quick_deaths = 0 if lived >= STEADY_S else worker.quick_deaths + 1
            wait = SHORTEST_S * 2 ** (worker.quick_deaths - 1) if worker.quick_deaths else 0.0
            worker.again_at = time.monotonic() + min(wait, LONGEST_S)
            _log.error("worker_died", worker=worker.number, pid=pid, lived_seconds=round(lived, 1))

    # Connections.

    def _wanted(self) -> bool:
        return self._started is None and any(worker.ready for worker in self._workers)

    def _hand_over(self, connection: socket.socket) -> bool:
        """Give a connection to the next worker that takes it."""
        for _ in self._workers:
            worker = self._workers[self._turn % len(self._workers)]
            self._turn += 1
            if worker.ready and worker.channel and worker.channel.send(CONNECTION, 0, connection):
                return True
        return False

    # The end.

    def _stop(self) -> None:
        """Followers first: they hand on what they were sent until they end. Then the writer."""
        self._acceptor.close()
        followers = [w for w in self._workers if w.number != WRITER]
        self._tell(followers, signal.SIGTERM)
        self._await(followers, self._patience + GRACE_S)
        self._tell(followers, signal.SIGKILL)
        self._await(followers, None)
        self._tell(self._workers, signal.SIGTERM)
        self._await(self._workers, None)

    def _tell(self, workers: list[_Worker], sig: int) -> None:
        for worker in workers:
            if worker.pid:
                os.kill(worker.pid, sig)

    def _await(self, workers: list[_Worker], seconds: float | None) -> None:
        late = None if seconds is None else time.monotonic() + seconds
        while any(worker.pid for worker in workers):
            left = None if late is None else late - time.monotonic()
            if left is not None and left <= 0:
                return
            for key, _ in self._selector.select(left):
                key.data()
            self._reap()

    def _kill(self) -> None:
        """End whoever still lives, at once."""
        self._tell(self._workers, signal.SIGKILL)
        for worker in self._workers:
            if worker.pid:
                os.waitpid(worker.pid, 0)
                worker.pid = 0
            self._cut(worker)


_HEARD: tuple[Any, ...] = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


def _drain(woken: socket.socket) -> None:
    try:
        while woken.recv(4096):
            pass
    except BlockingIOError:
        return
