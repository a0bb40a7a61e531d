"""What comes round by itself: a list computed again after a while, a word after a silence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import islice, takewhile
from typing import Protocol

from afresh.live.listener import Listener

BEAT_S = 15.0
"""After so long without a word a client is sent a comment: proxies close a silent connection."""
TICK_S = 0.25
LOOKED_AT = 200
"""Lists looked at in one turn of the event loop, until one has to be computed."""
BEATS, SOON_S = 5, 0.005
"""Comments sent in one turn (or a thousandth of all), and how soon the next follow: a write takes
tens of microseconds, and requests come in between."""
SHARE = 20
"""A refresh that took t is followed by 19 t without one: they take a twentieth of the time."""


class Does(Protocol):
    """What is done to a listener whose turn it is."""

    def compute(self, listener: Listener) -> None: ...

    def beat(self, listener: Listener) -> None: ...


class Rounds:
    """Listeners by the time of their last turn, oldest first: a dict keeps its order.

    No timer a listener: two for all of them, and none while nobody listens.
    """

    def __init__(self, hub: Does, offset: Callable[[], int], refresh_s: float) -> None:
        self._hub, self._offset, self._refresh_s = hub, offset, refresh_s
        self._turn: dict[Listener, float] = {}
        self._written: dict[Listener, float] = {}
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}

    def join(self, listener: Listener) -> None:
        """A list was just computed."""
        self._turn[listener] = asyncio.get_running_loop().time()
        if not self._timers:
            self._again(self._refresh, TICK_S)
            self._again(self._beat, TICK_S)

    def wrote(self, listener: Listener) -> None:
        """Something was just sent."""
        self._written.pop(listener, None)
        self._written[listener] = asyncio.get_running_loop().time()

    def leave(self, listener: Listener) -> None:
        self._turn.pop(listener, None)
        self._written.pop(listener, None)
        if not self._turn:
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()

    def _again(self, work: Callable[[], None], wait: float) -> None:
        self._timers[work] = asyncio.get_running_loop().call_later(wait, work)

    def _beat(self) -> None:
        late = asyncio.get_running_loop().time() - BEAT_S
        few = max(BEATS, len(self._written) // 1000)
        silent = _longest_ago(self._written, late, few)
        for listener in silent:
            self.wrote(listener)
            self._hub.beat(listener)
        self._again(self._beat, SOON_S if len(silent) == few else TICK_S)

    def _refresh(self) -> None:
        """Compute the list whose turn is longest ago, where something was folded since."""
        now, offset, began = asyncio.get_running_loop().time(), self._offset(), time.perf_counter()
        wait = TICK_S
        for listener in _longest_ago(self._turn, now - self._refresh_s, LOOKED_AT):
            del self._turn[listener]
            self._turn[listener] = now
            wait = 0.0
            if listener.offset != offset:
                self._hub.compute(listener)
                wait = (SHARE - 1) * (time.perf_counter() - began)
                break
        self._again(self._refresh, wait)


def _longest_ago(times: dict[Listener, float], late: float, most: int) -> list[Listener]:
    """Those whose time is not after `late`, at most so many."""
    return list(takewhile(lambda listener: times[listener] <= late, islice(times, most)))
