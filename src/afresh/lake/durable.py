"""Files and folders that appear under their names whole, or not at all, whenever power fails."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from afresh.errors import StorageFull, Unavailable

PART = ".part"
"""Ending of what is being written, hidden by a dot; what a crash leaves goes with the next run."""


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Where to write a file, or to make a folder, that stands at `path` when the block ends."""
    part = path.with_name(f".{path.name}{PART}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        for file in sorted(part.iterdir()) if part.is_dir() else ():
            sync(file)
        sync(part)
        os.replace(part, path)
        sync(path.parent)
    except OSError as error:
        raise StorageFull(
            f"{path} could not be written: {error}.",
            hint="Free some space or choose another folder, then run it again: it goes on.",
        ) from error


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file or a folder."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for writing. Raises Unavailable when another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lake.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unavailable(
                f"Another run writes the lake {folder}.", hint="Wait until it is done."
            ) from None
        yield
    finally:
        os.close(descriptor)
