"""A run to be killed: brings a lake up to date, and dies by SIGKILL at its n-th rename.

`python -m tests.lake.killed LOG LAKE` forks a child for each n from 1 on, until one is not killed;
a child of odd n dies before the rename, one of even n behind it. Prints how many died.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.lake.lakes import bring

from afresh.log.sqlite import SqliteLog


def child(log: Path, lake: Path, n: int) -> None:
    replace, seen = os.replace, [0]

    def dying(*names: Any) -> None:
        seen[0] += 1
        last = seen[0] == (n + 1) // 2
        if last and n % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(*names)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = dying
    bring(SqliteLog(log, readonly=True), lake)


def main() -> None:
    log, lakes, n = Path(sys.argv[1]), Path(sys.argv[2]), 0
    while True:
        n += 1
        pid = os.fork()
        if pid == 0:
            child(log, lakes / str(n), n)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != -signal.SIGKILL:
            break
    print(n - 1)


if __name__ == "__main__":
    main()
