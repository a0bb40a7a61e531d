"""The HTTP protocol with patience that ends: slow clients and too many of them.

uvicorn waits for a request for as long as it takes to come. Here a connection has
`request_timeout` to send one, from its first byte (or from its opening) to its last. The clock
is only started for a request that did not come in one piece, so the usual one costs nothing.

What the express lane takes is answered right here (see express.py), the rest by the ASGI app.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from afresh.serve.direct import DirectCycle
from afresh.serve.express import Express
from afresh.serve.problem import MEDIA_TYPE, problem


def protocol_class(
    request_timeout: float, max_connections: int, lane: Express | None = None
) -> type[HttpToolsProtocol]:
    """uvicorn's protocol with these limits. request_timeout: seconds."""

    class BoundedProtocol(HttpToolsProtocol):
        express = lane
        _clock: asyncio.TimerHandle | None = None
        _incomplete = False
        _first = False
        _direct: DirectCycle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > max_connections:
                self._refuse(503, "too_many_connections", "Too many connections are open.")
                return
            self._start_clock()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_clock()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            self._first = True
            super().data_received(data)
            if not self._incomplete:
                self._stop_clock()
            elif self._clock is None:
                self._start_clock()

        def on_message_begin(self) -> None:
            self._incomplete = True
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._direct = self._express_cycle()
            if self._direct is None:
                super().on_headers_complete()
            else:
                self.cycle = self._direct  # type: ignore[assignment]

        def on_body(self, body: bytes) -> None:
            if self._direct is None:
                super().on_body(body)
            else:
                exchange = self._direct.exchange
                exchange.body = exchange.body + body if exchange.body else body

        def on_message_complete(self) -> None:
            self._incomplete = False
            if self._direct is None:
                super().on_message_complete()
            else:
                direct, self._direct = self._direct, None
                lane.run(direct.exchange)  # type: ignore[union-attr]

        def _express_cycle(self) -> DirectCycle | None:
            """What is to be answered here: the first request of what was just read, when no other
            is under way and the caller reads its answers, so that nobody keeps the loop."""
            if lane is None or not self._first or self.flow.write_paused:
                return None
            self._first = False
            parser = self.parser
            under_way: Any = self.cycle
            if under_way is not None and not under_way.response_complete:
                return None
            if parser.get_http_version() != "1.1" or parser.should_upgrade():
                return None
            exchange = lane.take(parser.get_method(), self.url, self.headers)
            if exchange is None:
                return None
            return DirectCycle(self, exchange, parser.should_keep_alive())

        def _start_clock(self) -> None:
            self._clock = self.loop.call_later(request_timeout, self._time_is_up)

        def _stop_clock(self) -> None:
            if self._clock is not None:
                self._clock.cancel()
                self._clock = None

        def _time_is_up(self) -> None:
            self._clock = None
            cycle: Any = self.cycle
            answered = cycle is not None and cycle.response_started and not cycle.response_complete
            if self._incomplete and not answered:
                text = f"The request did not come whole within {request_timeout:g} s."
                self._refuse(408, "request_timeout", text)
            else:
                self.transport.close()

        def _refuse(self, status: int, code: str, text: str) -> None:
            self.transport.write(_response(status, code, text))
            self.transport.close()

        def send_400_response(self, msg: str) -> None:
            self._refuse(400, "malformed_http", msg)

    return BoundedProtocol


def _response(status: int, code: str, text: str) -> bytes:
    """A whole response, for when no application will make one."""
    made: Any = problem(status, code, text)
    body = msgspec.json.encode(made)
    retry = "retry-after: 1\r\n" if status == 503 else ""
    head = (
        f"HTTP/1.1 {status} {made.title}\r\ncontent-type: {MEDIA_TYPE}\r\n{retry}"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
