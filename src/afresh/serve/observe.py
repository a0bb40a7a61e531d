"""What the server tells whoever watches it. It imports no watcher; they pass themselves in."""

from __future__ import annotations

import itertools
import random
import secrets
from collections.abc import Callable
from typing import Protocol

import structlog

_log = structlog.get_logger("afresh.access")


class Observer(Protocol):
    """Called on the event loop after each request; must be quick and never raise."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request ended. route: its template, such as `/v1/items/{item_id}`."""

    def answer(self, freshness_seconds: float) -> None:
        """A list was made from state of this age."""

    def listens(self, count: Callable[[], int]) -> None:
        """Called once: `count` says how many lists are open."""


class Unobserved:
    """Nobody watches."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None: ...

    def answer(self, freshness_seconds: float) -> None: ...

    def listens(self, count: Callable[[], int]) -> None: ...


class Requests:
    """Names requests, and tells of each one that ended: the observer, and the access log.

    log_share: of so many of the requests, from 0 to 1, a line is logged.
    """

    def __init__(self, observer: Observer, log_share: float) -> None:
        self._observer = observer
        self._log_share = log_share
        self._prefix = secrets.token_hex(6)
        self._number = itertools.count(1)

    def new_id(self) -> str:
        """An id for a request whose caller gave none."""
        return f"{self._prefix}-{next(self._number):x}"

    def ended(
        self, method: str, route: str, path: str, status: int, seconds: float, request_id: str
    ) -> None:
        """A request was answered, or broke off."""
        self._observer.request(method, route, status, seconds)
        if self._log_share and random.random() < self._log_share:
            ms = round(seconds * 1000, 3)
            named = {"method": method, "path": path, "status": status, "ms": ms}
            _log.info("request", **named, request_id=request_id)
