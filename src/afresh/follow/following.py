"""Following: the thread that folds what another process appends to the log."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import structlog

from afresh.errors import CorruptData, Unavailable
from afresh.events.batch import EventBatch
from afresh.follow.bell import Bell
from afresh.log import Log
from afresh.log.token import Place
from afresh.recovery import fold_on
from afresh.service import WAIT_S
from afresh.store.replica import Replica

LOOK_S = 0.02
"""How often the log is looked at when nobody rings."""
HOUSE_S = 1.0

_log = structlog.get_logger("afresh.follow")


class Following:
    """Folds a log's entries as they come, in order, and tells who waits for a place.

    `lost` is called when the log cannot be followed any further (it is damaged, or retention
    dropped what was not folded yet): only a new start from a snapshot helps then. `keep_house` is
    called about once a second, when all there was is folded.
    """

    def __init__(
        self,
        log: Log,
        replica: Replica,
        bell: Bell,
        *,
        keep_house: Callable[[], None],
        lost: Callable[[Exception], None],
    ) -> None:
        self.log, self.replica, self.bell = log, replica, bell
        self.folded: list[Callable[[EventBatch], None]] = []
        self.current_at = time.monotonic()
        """When the state last held all that the log does."""
        self._keep_house, self._lost = keep_house, lost
        self._kept_house_at = 0.0
        self._waiting: dict[asyncio.Future[None], Place] = {}
        self._lock = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="afresh-follow", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing = True
        self.bell.ring()
        if self._thread.is_alive():
            self._thread.join()

    def reach(self, place: Place) -> asyncio.Future[None] | None:
        """What to await until the log is folded up to `place`, WAIT_S at most; None: it is."""
        if place.within(self.replica.place):
            return None
        loop = asyncio.get_running_loop()
        reached: asyncio.Future[None] = loop.create_future()
        with self._lock:
            if place.within(self.replica.place):
                return None
            self._waiting[reached] = place
        timer = loop.call_later(WAIT_S, _settle, reached)

        def forget(_: asyncio.Future[None]) -> None:
            timer.cancel()
            with self._lock:
                self._waiting.pop(reached, None)

        reached.add_done_callback(forget)
        return reached

    def _run(self) -> None:
        while not self._closing:
            self.bell.wait(LOOK_S)
            try:
                self._fold()
            except Unavailable as error:
                _log.warning("log_not_read", reason=error.message)
                time.sleep(LOOK_S)
            except Exception as error:
                _log.critical("following_ended", exc_info=error)
                self._lost(error)
                return

    def _fold(self) -> None:
        before = self.replica.offset
        self._check(before)
        fold_on(self.log, self.replica, self._hear)
        self._check(before)  # for what was dropped meanwhile
        self._wake()
        now = self.current_at = time.monotonic()
        if now - self._kept_house_at >= HOUSE_S:
            self._kept_house_at = now
            self._keep_house()

    def _check(self, offset: int) -> None:
        if self.log.start > offset:
            text = f"Retention dropped records from {offset:,} on, which are not folded yet."
            raise CorruptData(text, hint="Start again: the newest snapshot holds them.")

    def _hear(self, batch: EventBatch | None) -> None:
        """An entry was folded."""
        self._wake()
        if batch is not None:
            for hear in self.folded:
                hear(batch)

    def _wake(self) -> None:
        if not self._waiting:
            return
        held = self.replica.place
        with self._lock:
            reached = [future for future, wanted in self._waiting.items() if wanted.within(held)]
            for future in reached:
                del self._waiting[future]
        for future in reached:
            try:
                future.get_loop().call_soon_threadsafe(_settle, future)
            except RuntimeError:
                _log.warning("loop_gone")


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
