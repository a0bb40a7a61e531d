"""Milvus as one process: the server of the package milvus-lite."""

from __future__ import annotations

import importlib.util
import socket
import sys
from pathlib import Path

from engines import EngineError, free_port
from engines.processes import Process


class Milvus(Process):
    """Started and ready; what it holds lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        if importlib.util.find_spec("milvus_lite") is None:
            raise EngineError("Milvus is not here: `pip install milvus-lite`")
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        command = [
            sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(folder / "data"),
            "--host", "127.0.0.1", "--port", str(self.port),
        ]  # fmt: skip
        super().__init__("Milvus", command, folder / "milvus.log", self._ready)
        self.start()

    @property
    def url(self) -> str:
        return f"milvus://127.0.0.1:{self.port}"

    @property
    def servers(self) -> str:
        return self.url

    def _ready(self) -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(("127.0.0.1", self.port)) == 0
