"""A seat: the place of one worker, which holds one process after the other."""

from __future__ import annotations

import socket
import time

from afresh.serve.channel import CONNECTION, PEER, Channel

STEADY_S = 10.0
"""A worker that lived so long is replaced at once; others wait longer each time, …"""
SHORTEST_S, LONGEST_S = 0.1, 5.0
"""… from, to."""


class Seat:
    """What a supervisor knows of its worker `number`. pid: 0 while there is no process.

    again_at: when to start another one, by the monotonic clock.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid = 0
        self.channel: Channel | None = None
        self.ready = False
        self.again_at: float | None = None
        self._started_at = 0.0
        self._quick_deaths = 0
        self._owed: list[tuple[int, socket.socket]] = []

    def taken(self, pid: int, channel: Channel) -> None:
        """A process was started."""
        self.pid, self.channel, self.ready, self.again_at = pid, channel, False, None
        self._started_at = time.monotonic()

    def left(self) -> float:
        """The process has ended; how long it lived, in seconds."""
        self.pid = 0
        now = time.monotonic()
        lived = now - self._started_at
        self._quick_deaths = 0 if lived >= STEADY_S else self._quick_deaths + 1
        wait = SHORTEST_S * 2 ** (self._quick_deaths - 1) if self._quick_deaths else 0.0
        self.again_at = now + min(wait, LONGEST_S)
        return lived

    def cut(self) -> None:
        """Close the channel, and what was to be sent over it."""
        self.ready = False
        if self.channel is not None:
            self.channel.close()
            self.channel = None
        for _, link in self._owed:
            link.close()
        self._owed = []

    def owe(self, number: int, link: socket.socket) -> None:
        """Have a link to worker `number` sent, before any more connections."""
        self._owed.append((number, link))
        self.pay()

    def pay(self) -> bool:
        """Send what is owed; False: there is no room for all of it now."""
        while self._owed and self.channel is not None:
            number, link = self._owed[0]
            if not self.channel.send(PEER, number, link):
                return False
            link.close()
            del self._owed[0]
        return True

    def hand(self, connection: socket.socket) -> bool:
        """Send a client's connection; False: not now."""
        if not self.ready or self.channel is None or not self.pay():
            return False
        return self.channel.send(CONNECTION, 0, connection)
