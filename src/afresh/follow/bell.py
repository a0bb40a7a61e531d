"""A bell: wakes a thread of another process, in microseconds."""

from __future__ import annotations

import os
import select


class Bell:
    """A pipe that a process makes before it forks: one child rings, one thread of another waits.

    It carries no message, so one that was rung for a process that died does no harm.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)

    def ring(self) -> None:
        """Wake whoever waits, or keep them from falling asleep. Never blocks."""
        try:
            os.write(self._write, b"\0")
        except BlockingIOError:
            return  # it was rung thousands of times, and they still have to look

    def wait(self, seconds: float) -> None:
        """Return when it was rung since the last time, or after so long."""
        if self._poll.poll(seconds * 1000):
            try:
                os.read(self._read, 1 << 16)
            except BlockingIOError:
                return  # another thread was first

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)
