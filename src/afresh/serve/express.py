"""The express lane: small, plain requests of the busiest routes, answered without ASGI.

An ASGI request costs a task, an event, a scope, a dozen calls of the framework's and two messages
back: several times what an event's receipt costs to make. Here a request is parsed by the same
parser, judged by the same `Access`, answered by the same functions and told to the same observer.
Whatever is not plain, or would be refused, takes the long way: the lane refuses nobody.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from afresh.serve.access import Access
from afresh.serve.observe import Requests
from afresh.serve.problem import MEDIA_TYPE, problem_body, problem_of
from afresh.serve.reply import Reply

LARGEST = 64 << 10
"""Bytes of body. A larger one wants flow control, which the long way has."""

_SANE = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_LENGTH = re.compile(rb"[0-9]{1,6}")
_UNUSUAL = frozenset(
    {b"content-encoding", b"transfer-encoding", b"expect", b"upgrade", b"origin", b"te"}
)
_PROBLEM = (b"content-type", MEDIA_TYPE.encode())

_log = structlog.get_logger("afresh.serve")


class Exchange:
    """One request in the lane, and the way back.

    Whoever holds the connection sets `answered(reply, more headers)`; it is called once, on the
    event loop.
    """

    __slots__ = (
        "answered",
        "began",
        "body",
        "media",
        "method",
        "named",
        "path",
        "request_id",
        "route",
    )

    def __init__(self, method: str, path: str, route: Route, request_id: str, named: bool) -> None:
        self.method, self.path, self.route = method, path, route
        self.request_id, self.named = request_id, named
        self.media = self.body = b""
        self.began = time.perf_counter()
        self.answered: Callable[[Reply, list[tuple[bytes, bytes]]], None]

    def reply(self, reply: Reply) -> None:
        """Answer it."""
        self.answered(reply, [])

    def fail(self, error: Exception) -> None:
        """Answer it with a problem."""
        made, headers = problem_of(error)
        if made.status == 500:
            _log.error("request_failed", request_id=self.request_id, exc_info=error)
        scope = {"path": self.path, "state": {"request_id": self.request_id}}
        self.answered(Reply(problem_body(made, scope), made.status, _PROBLEM), headers)


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the lane. answer: replies to an exchange, now or later, or raises.

    media: the media types it takes, b"" when none may be said.
    """

    template: str
    media: frozenset[bytes]
    answer: Callable[[Exchange], None]


class Express:
    """Decides what goes through the lane. routes: by method and path, as in `POST /v1/events`."""

    def __init__(self, routes: Mapping[bytes, Route], access: Access, requests: Requests) -> None:
        self._routes = {tuple(line.split(b" ")): route for line, route in routes.items()}
        self._access = access
        self.requests = requests

    def take(
        self, method: bytes, url: bytes, headers: list[tuple[bytes, bytes]]
    ) -> Exchange | None:
        """The exchange for a request with this head; None when it must go the long way."""
        route = self._routes.get((method, url))
        if route is None:
            return None
        length = media = given = b""
        for name, value in headers:
            if name == b"content-length":
                length = value
            elif name == b"content-type":
                media = value.partition(b";")[0].strip().lower()
            elif name == b"x-request-id":
                given = value
            elif name in _UNUSUAL:
                return None
        if media not in route.media or (length and not _LENGTH.fullmatch(length)):
            return None
        path, verb = url.decode("ascii"), method.decode("ascii")
        if int(length or 0) > LARGEST or self._access.check(verb, path, headers) is not None:
            return None
        named = _SANE.fullmatch(given) is not None
        request_id = given.decode() if named else self.requests.new_id()
        made = Exchange(verb, path, route, request_id, named)
        made.media = media
        return made

    def run(self, exchange: Exchange) -> None:
        """Have a whole request answered."""
        try:
            exchange.route.answer(exchange)
        except Exception as error:
            exchange.fail(error)

    def ended(self, exchange: Exchange, status: int) -> None:
        """Tell of it."""
        seconds = time.perf_counter() - exchange.began
        self.requests.ended(
            exchange.method,
            exchange.route.template,
            exchange.path,
            status,
            seconds,
            exchange.request_id,
        )
