"""Listen, serve, and stop in order: no new connections, finish what is in flight, end."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import structlog
import uvicorn

from afresh.errors import AfreshError
from afresh.serve.gate import Gate
from afresh.serve.protocol import protocol_class
from afresh.settings import Settings, check_exposure

_log = structlog.get_logger("afresh.serve")


def bind(settings: Settings) -> socket.socket:
    """A socket that listens already, so that nobody else gets the port and no caller is refused.

    Raises AfreshError when the port is taken, or is open to others without an API key.
    """
    check_exposure(settings)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((settings.host, settings.port))
        made.listen(2048)
    except OSError as error:
        made.close()
        text = f"Cannot listen on {settings.host}:{settings.port}: {error.strerror or error}"
        raise AfreshError(text, hint="Take another one with --port; 0 finds a free one.") from error
    return made


def address(listening: socket.socket) -> str:
    """Where it can be called."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn's server; a second signal ends the process at once.

    Nothing acknowledged is lost by that: what was acknowledged is on disk.
    """

    def __init__(
        self, config: uvicorn.Config, listening: Callable[[], None], leaving: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._listening, self._leaving = listening, leaving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._leaving()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        _log.info("stopping", signal=signal.Signals(sig).name)
        self.should_exit = True


def make_server(
    app: Any, settings: Settings, listening: Callable[[], None] = lambda: None
) -> Server:
    """A server of an ASGI app; give its `run` the socket. `listening` is called when it does."""
    leaving = app.leaving if isinstance(app, Gate) else lambda: None
    return Server(make_config(app, settings), listening, leaving)


def make_config(app: Any, settings: Settings) -> uvicorn.Config:
    """How an ASGI app is served."""
    lane = app.express if isinstance(app, Gate) else None
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=protocol_class(settings.request_timeout / 1000, settings.max_connections, lane),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here asks for the client's address
        timeout_keep_alive=max(1, settings.keep_alive // 1000),
        timeout_graceful_shutdown=max(1, settings.shutdown_timeout // 1000),
    )
