"""The real Feast, in a virtual environment of its own: it wants older packages than ours.

Beside Feast stands all that `src/afresh` needs, at the versions of `requirements/dev.txt` where
Feast allows them; the code itself is found by PYTHONPATH, so one environment does for every copy
of the repository.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from engines import EngineError, install, installed

FEAST = "feast-0.67.0"
ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "feast.txt"


def install_feast() -> Path:
    """Install Feast and what it needs (two minutes, 1 GB) unless it is there."""
    return install(FEAST, _fill)


def _fill(folder: Path) -> None:
    _run(sys.executable, "-m", "venv", str(folder))
    told = ["-q", "--require-hashes", "--only-binary", ":all:", "-r", str(LOCK)]
    _run(str(folder / "bin" / "python"), "-m", "pip", "install", *told)


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise EngineError(f"{FEAST} could not be installed:\n{done.stdout[-3000:]}")


def feast_python() -> Path:
    """The Python that has Feast. Raises EngineError when it is not there."""
    return installed(FEAST) / "bin" / "python"


def feast_environment() -> dict[str, str]:
    """For that Python: our code beside it, and nobody told of what it does."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "FEAST_USAGE": "False"}
