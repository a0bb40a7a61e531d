"""The outermost layer: request ids, access, CORS, and what is told to whoever watches.

Plain ASGI, so that a request costs it a few microseconds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from litestar import Litestar
from litestar.types import Message, Receive, Scope, Send

from afresh.serve.access import Access
from afresh.serve.express import Express
from afresh.serve.observe import Requests
from afresh.serve.problem import MEDIA_TYPE, HttpError, problem_body, problem_of
from afresh.serve.reply import Reply

_SANE = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_CONTENT_TYPE = (b"content-type", MEDIA_TYPE.encode())
_NOSNIFF = (b"x-content-type-options", b"nosniff")


class Gate:
    """The ASGI app that is served. `inner` is the framework's, with the routes.

    `express` answers plain requests of some routes before they become ASGI's; the server asks it.
    `leaving` ends what would stay open for ever; the server calls it when it stops.
    """

    def __init__(
        self,
        inner: Litestar,
        access: Access,
        requests: Requests,
        express: Express,
        leaving: Callable[[], None],
    ) -> None:
        self.inner = inner
        self.express = express
        self.leaving = leaving
        self._access = access
        self._requests = requests

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        started = time.perf_counter()
        headers = scope["headers"]
        request_id, origin = "", b""
        for name, value in headers:
            if name == b"x-request-id" and _SANE.fullmatch(value):
                request_id = value.decode()
            elif name == b"origin":
                origin = value
        state = scope.setdefault("state", {})
        state["named"] = request_id != ""
        if not request_id:
            request_id = self._requests.new_id()
        state["request_id"] = request_id
        allowed = origin != b"" and self._access.origin_allowed(origin)
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                told = (b"x-request-id", state["request_id"].encode())
                more = _cors(origin) if allowed else ()
                message["headers"] = [*message["headers"], told, _NOSNIFF, *more]
            await send(message)

        try:
            await self._answer(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            route = scope.get("path_template", "")
            named = state["request_id"]
            self._requests.ended(scope["method"], route, scope["path"], status, seconds, named)

    async def _answer(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS" and _is_preflight(scope["headers"]):
            await Reply(b"", 204)(scope, receive, send)
            return
        refusal = self._access.check(scope["method"], scope["path"], scope["headers"])
        if refusal is not None:
            await _refuse(refusal, scope, receive, send)
            return
        raw = scope.get("raw_path") or b""
        if b"%2" in raw:
            scope["path"] = _routed(raw)
        await self.inner(scope, receive, send)


def segment(scope: Any, index: int) -> bytes:
    """One part of the path as it was sent: a percent-encoded slash belongs to an id."""
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    parts = [part for part in raw.partition(b"?")[0].split(b"/") if part]
    return parts[index]


def _routed(raw: bytes) -> str:
    """The path to route by, in which an encoded slash does not separate."""
    path = raw.partition(b"?")[0].decode("ascii")
    return unquote(re.sub("%2f", "%252F", path, flags=re.IGNORECASE))


async def _refuse(error: HttpError, scope: Scope, receive: Receive, send: Send) -> None:
    made, _ = problem_of(error)
    reply = Reply(problem_body(made, scope), made.status, _CONTENT_TYPE)

    async def challenged(message: Message) -> None:
        if message["type"] == "http.response.start" and made.status == 401:
            message["headers"] = [*message["headers"], (b"www-authenticate", b"Bearer")]
        await send(message)

    await reply(scope, receive, challenged)


def _is_preflight(headers: list[tuple[bytes, bytes]]) -> bool:
    names = {name for name, _ in headers}
    return b"origin" in names and b"access-control-request-method" in names


def _cors(origin: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-origin", origin),
        (b"vary", b"origin"),
        (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
        (
            b"access-control-allow-headers",
            b"content-type, content-encoding, authorization, x-api-key, x-request-id",
        ),
        (b"access-control-expose-headers", b"x-request-id, retry-after"),
        (b"access-control-max-age", b"600"),
    ]
