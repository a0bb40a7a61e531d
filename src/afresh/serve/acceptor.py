"""The acceptor: takes connections from a listening socket, as long as somebody wants them."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable

FULL_S = 0.01
"""How long nobody is accepted when no worker takes connections quickly enough."""
BURST = 64
"""Connections accepted in one turn of the supervisor."""


class Acceptor:
    """Hands each connection on. hand_over(connection) says whether it was taken; one that was not
    is offered again, and callers after it wait in the kernel's queue."""

    def __init__(
        self,
        listening: socket.socket,
        selector: selectors.BaseSelector,
        hand_over: Callable[[socket.socket], bool],
    ) -> None:
        self._listening, self._selector, self._hand_over = listening, selector, hand_over
        self._watched = False
        self._held: socket.socket | None = None
        self.again_at: float | None = None
        """When to offer again what nobody took, by the monotonic clock."""
        listening.setblocking(False)

    def want(self, wanted: bool) -> None:
        """Accept from now on, or not. To be called each turn."""
        if self.again_at is not None and self.again_at <= time.monotonic():
            self.again_at = None
            if wanted:
                self._offer()
        watched = wanted and self.again_at is None
        if watched and not self._watched:
            self._selector.register(self._listening, selectors.EVENT_READ, self._accept)
        elif self._watched and not watched:
            self._selector.unregister(self._listening)
        self._watched = watched

    def close(self) -> None:
        """Accept nobody any more; who waits is refused."""
        self.again_at = None
        self.want(False)
        self.leave()

    def leave(self) -> None:
        """Close its files, in a process that was forked: the selector is still the parent's."""
        self._listening.close()
        if self._held is not None:
            self._held.close()

    def _accept(self) -> None:
        for _ in range(BURST):
            try:
                self._held, _ = self._listening.accept()
            except BlockingIOError:
                return
            except OSError:  # they went, or too many files are open
                self.again_at = time.monotonic() + FULL_S
                return
            if not self._offer():
                return

    def _offer(self) -> bool:
        if self._held is None:
            return True
        if not self._hand_over(self._held):
            self.again_at = time.monotonic() + FULL_S
            return False
        self._held.close()
        self._held = None
        return True
