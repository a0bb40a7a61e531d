"""What the server tells whoever watches it. It imports no watcher; they pass themselves in."""

from __future__ import annotations

from typing import Protocol


class Observer(Protocol):
    """Called on the event loop after each request; must be quick and never raise."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request ended. route: its template, such as `/v1/items/{item_id}`."""

    def answer(self, freshness_seconds: float) -> None:
        """A list was made from state of this age."""


class Unobserved:
    """Nobody watches."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None: ...

    def answer(self, freshness_seconds: float) -> None: ...
