"""Real engines for tests, benchmarks and a laptop: fetched once, started without containers.

Standard library only. An engine lies in a folder of its own under `home()`; it is complete or
not there. Everything listens on 127.0.0.1.

    python -m engines install kafka flink  fetch (needs Java 17 and Maven: scripts/install-java)
    python -m engines install helm compose build what `deploy/` is checked by (needs no Go)
    python -m engines build kafka-streams  build the runner of facts on Kafka Streams (needs Maven)
    python -m engines start kafka FOLDER   run one until Ctrl-C, its data in FOLDER
    python -m engines start whole FOLDER   run all of them with two servers of the shop
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""Of <linux/prctl.h>."""


class EngineError(Exception):
    """An engine is missing or did not start; the message says what to do."""


def home() -> Path:
    """Where engines are kept: $AFRESH_ENGINES, or the user's cache folder."""
    given = os.environ.get("AFRESH_ENGINES")
    if given:
        return Path(given)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "afresh" / "engines"


def installed(name: str) -> Path:
    """The folder of an engine. Raises EngineError when it is not there."""
    folder = home() / name
    if not folder.is_dir():
        engine = name.rsplit("-", 1)[0]
        raise EngineError(
            f"{name} is not installed: `make engines`, or `python -m engines install {engine}`"
        )
    return folder


def install(name: str, fill: Callable[[Path], None]) -> Path:
    """Have `fill` write an engine into an empty folder, which then takes its place at once."""
    folder = home() / name
    if folder.is_dir():
        return folder
    home().mkdir(parents=True, exist_ok=True)
    print(f"fetching {name} …", file=sys.stderr, flush=True)
    made = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=home()))
    try:
        fill(made)
        made.chmod(0o755)
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        if not folder.is_dir():  # else somebody else was faster
            raise
    return folder


def ends_with_us() -> None:
    """For a child before it becomes an engine: have the kernel end it should this thread end, so
    that a run that is killed leaves nothing behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
