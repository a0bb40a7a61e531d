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
from collections.abc import Callable, Sequence
from types import FrameType

import structlog

from afresh.errors import AfreshError
from afresh.serve.acceptor import FULL_S, Acceptor
from afresh.serve.channel import READY, Channel
from afresh.serve.seat import LONGEST_S, Seat

WRITER = 0
"""The number of the worker that ends last."""
GRACE_S = 5.0
"""How much longer than their patience workers may take to end."""

Work = Callable[[int, Channel], int]
"""work(number, channel): what a worker does in its process; returns its exit status."""

_HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)

_log = structlog.get_logger("afresh.supervisor")


class Supervisor:
    """Runs `count` workers over a listening socket. patience: seconds that a worker which is told
    to stop may take, the writer aside: it saves what it has, however long."""

    def __init__(
        self, listening: socket.socket, work: Work, count: int, *, patience: float
    ) -> None:
        self._work, self._patience = work, patience
        self._seats = [Seat(number) for number in range(count)]
        self._selector = selectors.DefaultSelector()
        self._acceptor = Acceptor(listening, self._selector, self._hand_over)
        self._turn = 0
        self._signals: list[int] = []
        self._started: Callable[[], None] | None = None

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
            for seat in self._seats:
                self._fork(seat)
            while not self._signals:
                self._once()
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
        self._signals.append(sig)  # said later: it may have come in the middle of a log line

    def _once(self) -> None:
        """Wait for whatever comes next, and see to it."""
        due = [at for at in (self._acceptor.again_at, *(s.again_at for s in self._seats)) if at]
        paid = [seat.pay() for seat in self._seats]
        if not all(paid):
            due.append(time.monotonic() + FULL_S)
        self._select(max(0.0, min(due) - time.monotonic()) if due else None)
        now = time.monotonic()
        for seat in self._seats:
            if seat.again_at is not None and seat.again_at <= now and not self._signals:
                self._fork(seat)
        running = self._started is None and not self._signals
        self._acceptor.want(running and any(seat.ready for seat in self._seats))

    def _select(self, seconds: float | None) -> None:
        for key, _ in self._selector.select(seconds):
            key.data()
        self._reap()

    # Workers.

    def _fork(self, seat: Seat) -> None:
        ours, theirs = Channel.pair()
        sys.stdout.flush()
        sys.stderr.flush()
        # Until a worker has its own handlers no signal reaches it, so that none is lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        try:
            pid = os.fork()
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
            ours.close()
            theirs.close()
            if self._started is not None:
                raise AfreshError(f"A worker cannot be started: {error.strerror}.") from error
            _log.error("worker_not_started", worker=seat.number, reason=str(error))
            seat.again_at = time.monotonic() + LONGEST_S
            return
        if pid == 0:
            status = 1
            try:
                ours.close()
                self._leave()
                status = self._work(seat.number, theirs)
            except BaseException as error:
                _log.critical("worker_failed", worker=seat.number, exc_info=error)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        theirs.close()
        seat.taken(pid, ours)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._hear(seat))

    def _leave(self) -> None:
        """In a new worker: give up what is the supervisor's. SIGINT, which a terminal sends to
        all, is its to hear."""
        signal.set_wakeup_fd(-1)
        for sig in _HEARD:
            signal.signal(sig, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        for seat in self._seats:
            seat.cut()
        self._acceptor.leave()
        self._selector.close()

    def _hear(self, seat: Seat) -> None:
        if seat.channel is None:
            return
        try:
            for kind, _, _ in seat.channel.received():
                if kind == READY:
                    self._introduce(seat)
        except EOFError:
            self._cut(seat)  # it ends; it is replaced when it has

    def _introduce(self, seat: Seat) -> None:
        """A worker answers: link it to each of the others."""
        seat.ready = True
        for other in self._seats:
            if other is not seat and other.ready:
                one, two = socket.socketpair()
                seat.owe(other.number, one)
                other.owe(seat.number, two)
        if self._started is None:
            _log.info("worker_replaced", worker=seat.number, pid=seat.pid)
        elif all(each.ready for each in self._seats):
            started, self._started = self._started, None
            started()

    def _cut(self, seat: Seat) -> None:
        if seat.channel is not None:
            self._selector.unregister(seat.channel)
        seat.cut()

    def _reap(self) -> None:
        for seat in self._seats:
            if not seat.pid or os.waitpid(seat.pid, os.WNOHANG)[0] == 0:
                continue
            pid, lived = seat.pid, seat.left()
            self._cut(seat)
            if self._signals:
                continue
            if self._started is not None:
                raise AfreshError(
                    f"Worker {seat.number} (process {pid}) ended before the server was ready.",
                    hint="The log above says why.",
                )
            _log.error("worker_died", worker=seat.number, pid=pid, lived_seconds=round(lived, 1))

    def _hand_over(self, connection: socket.socket) -> bool:
        """Give a connection to the next worker that takes it."""
        for _ in self._seats:
            seat = self._seats[self._turn % len(self._seats)]
            self._turn += 1
            if seat.hand(connection):
                return True
        return False

    # The end.

    def _stop(self) -> None:
        """Followers first: they hand on what they were sent until they end. Then the writer."""
        _log.info("stopping", signal=signal.Signals(self._signals[0]).name)
        self._acceptor.close()
        followers = [seat for seat in self._seats if seat.number != WRITER]
        _tell(followers, signal.SIGTERM)
        self._await(followers, self._patience + GRACE_S)
        _tell(followers, signal.SIGKILL)
        self._await(followers, None)
        _tell(self._seats, signal.SIGTERM)
        self._await(self._seats, None)

    def _await(self, seats: Sequence[Seat], seconds: float | None) -> None:
        late = None if seconds is None else time.monotonic() + seconds
        while any(seat.pid for seat in seats):
            left = None if late is None else late - time.monotonic()
            if left is not None and left <= 0:
                return
            self._select(left)

    def _kill(self) -> None:
        """End whoever still lives, at once."""
        _tell(self._seats, signal.SIGKILL)
        for seat in self._seats:
            if seat.pid:
                os.waitpid(seat.pid, 0)
                seat.pid = 0
            self._cut(seat)


def _tell(seats: Sequence[Seat], sig: int) -> None:
    for seat in seats:
        if seat.pid:
            os.kill(seat.pid, sig)


def _drain(woken: socket.socket) -> None:
    try:
        while woken.recv(4096):
            pass
    except BlockingIOError:
        return
