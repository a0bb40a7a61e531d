"""A request of the express lane on its connection, in the place of uvicorn's cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from afresh.serve.express import Exchange
from afresh.serve.reply import Reply

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_FIXED = b"\r\nx-content-type-options: nosniff\r\n"


class _Unawaited:
    """In the place of the event that a task would await."""

    def set(self) -> None: ...


class DirectCycle:
    """What uvicorn's protocol asks of the request that is under way on a connection.

    Its attributes bear uvicorn's names: `shutdown` withdraws `keep_alive`, a lost connection sets
    `disconnected`, and a pipelined request waits for `response_complete`.
    """

    message_event: Any = _Unawaited()

    def __init__(self, protocol: HttpToolsProtocol, exchange: Exchange, keep_alive: bool) -> None:
        self.protocol = protocol
        self.exchange = exchange
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_started = self.response_complete = False
        exchange.answered = self.answered

    def answered(self, reply: Reply, more: list[tuple[bytes, bytes]]) -> None:
        """Write the whole response at once."""
        if self.response_complete:
            return
        self.response_started = self.response_complete = True
        exchange, protocol, body = self.exchange, self.protocol, reply.body
        protocol.express.ended(exchange, reply.status)  # type: ignore[attr-defined]
        if self.disconnected:
            return
        head = [STATUS_LINE[reply.status]]
        for name, value in (*protocol.server_state.default_headers, reply.content_type, *more):
            head += (name, b": ", value, b"\r\n")
        head += (
            b"content-length: %d\r\nx-request-id: " % len(body),
            exchange.request_id.encode(),
            _FIXED if self.keep_alive else _FIXED + b"connection: close\r\n",
            b"\r\n",
            body,
        )
        protocol.transport.write(b"".join(head))
        if not self.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()
