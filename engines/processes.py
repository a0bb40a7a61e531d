"""A process with a port, started, looked at and ended; it ends with whoever started it."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engines import EngineError, ends_with_us


class Process:
    """Started by `start`, again after `kill` or `stop`, with the same command.

    ready: whether it answers; log: a file that its words are added to; ready_s, stop_s: how long
    it may take to be ready, and to end in order.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        ready: Callable[[], bool],
        *,
        env: Mapping[str, str] | None = None,
        folder: Path | None = None,
        ready_s: float = 120.0,
        stop_s: float = 20.0,
    ) -> None:
        self.name, self.command, self.log, self.ready = name, list(command), log, ready
        self.env, self.cwd, self.ready_s, self.stop_s = env, folder, ready_s, stop_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *, wait: bool = True) -> None:
        """Start it, and wait until it is ready. Raises EngineError with the end of its log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=ends_with_us,
                env=self.env,
                cwd=self.cwd,
            )
        if wait:
            self.wait()

    def wait(self) -> None:
        assert self._process is not None
        late = time.monotonic() + self.ready_s
        while not self.ready():
            gone = self._process.poll() is not None
            if gone or time.monotonic() > late:
                self.kill()
                what = "ended" if gone else f"was not ready after {self.ready_s:g} s"
                end = self.log.read_text(errors="replace")[-3000:]
                raise EngineError(f"{self.name} {what}; the end of its log:\n{end}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in order; by force after `stop_s`."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(self.stop_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def answers(url: str) -> bool:
    """Whether an address answers a GET with 2xx."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(200 <= answer.status < 300)
    except OSError:
        return False
