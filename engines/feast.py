"""The real Feast, in a virtual environment of its own: it wants older packages than ours.

Beside Feast stand the clients of other feature stores, which do too, and all that `src/afresh`
needs, at the versions of `requirements/dev.txt` where they allow them; the code itself is found by
PYTHONPATH, so one environment does for every copy of the repository.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from engines import EngineError, install, installed

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "feast.txt"


def install_feast() -> Path:
    """Install Feast and what it needs (two minutes, 1 GB) unless it is there."""
    return install(_name(), _fill)


def _name() -> str:
    """With a digest of the lock, so that no environment of another lock is taken for this one."""
    return f"feast-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"


def _fill(folder: Path) -> None:
    _run(sys.executable, "-m", "venv", str(folder))
    # The lock is complete. Left to resolve, pip looks at newer packages, of which it has no hash.
    told = ["-q", "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(LOCK)]
    _run(str(folder / "bin" / "python"), "-m", "pip", "install", *told)


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise EngineError(f"{_name()} could not be installed:\n{done.stdout[-3000:]}")


def feast_python() -> Path:
    """The Python that has Feast. Raises EngineError when it is not there."""
    return installed(_name()) / "bin" / "python"


def feast_environment() -> dict[str, str]:
    """For that Python: our code beside it, and nobody told of what it does."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "FEAST_USAGE": "False"}
