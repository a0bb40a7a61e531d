"""The server of one worker: it does not listen, it is handed its connections."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

import structlog

from afresh.serve.channel import CONNECTION, READY, Channel
from afresh.serve.gate import Gate
from afresh.serve.server import Server, make_config
from afresh.settings import Settings

_log = structlog.get_logger("afresh.serve")

Join = Callable[[int, socket.socket], Awaitable[None]]
"""join(number, connection): link up with another worker."""


class WorkerServer(Server):
    """Serves what comes over the channel; ends in order when its supervisor is gone."""

    def __init__(
        self,
        gate: Gate,
        settings: Settings,
        channel: Channel,
        join: Join,
        listening: Callable[[], None],
    ) -> None:
        super().__init__(make_config(gate, settings), listening, gate.leaving)
        self._channel, self._join = channel, join
        self._tasks: set[asyncio.Task[Any]] = set()

    def serve_connections(self) -> None:
        """Until a signal."""
        self.run([])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(self._channel.fileno(), self._hear)
        self._channel.send(READY)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().remove_reader(self._channel.fileno())
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig != signal.SIGINT:  # a terminal sends it to all; the supervisor decides
            self.should_exit = True

    def _hear(self) -> None:
        try:
            for kind, number, handed in self._channel.received():
                if handed is None:
                    continue
                work = self._take(handed) if kind == CONNECTION else self._join(number, handed)
                task = asyncio.ensure_future(work)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except EOFError:
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
            if not self.should_exit:
                _log.error("supervisor_gone")
            self.should_exit = True

    async def _take(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def protocol() -> asyncio.Protocol:
            config: Any = self.config
            made: asyncio.Protocol = config.http_protocol_class(
                config=config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return made

        await asyncio.get_running_loop().connect_accepted_socket(protocol, connection)
