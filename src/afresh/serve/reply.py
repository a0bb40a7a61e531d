"""Answers in as few steps as ASGI allows: one start, one body."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.types import Receive, Scope, Send

_encode = msgspec.json.Encoder().encode
_JSON = (b"content-type", b"application/json")


class Reply:
    """An ASGI app that sends one body."""

    __slots__ = ("body", "content_type", "status")

    def __init__(
        self, body: bytes, status: int = 200, content_type: tuple[bytes, bytes] = _JSON
    ) -> None:
        self.body = body
        self.status = status
        self.content_type = content_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = (b"content-length", str(len(self.body)).encode())
        headers = [self.content_type, length]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def json_reply(value: Any, status: int = 200) -> Reply:
    """A struct, or anything msgspec knows, as JSON."""
    return Reply(_encode(value), status)


def html_reply(page: str) -> Reply:
    """A page."""
    return Reply(page.encode(), 200, (b"content-type", b"text/html; charset=utf-8"))
