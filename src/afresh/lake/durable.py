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


class Writing:
    """Files and folders on their way: each is written beside its place, then all are moved."""

    def __init__(self) -> None:
        self._moves: list[tuple[Path, Path]] = []

    def place(self, path: Path) -> Path:
        """Where to write what is to stand at `path`."""
        part = path.with_name(f".{path.name}{PART}")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._moves.append((part, path))
        return part

    def finish(self) -> None:
        """Move all, none before the contents of all are on disk."""
        os.sync()  # one for all: thousands of small files take as long as one
        for part, path in self._moves:
            os.replace(part, path)
        os.sync()


@contextmanager
def writing() -> Iterator[Writing]:
    """Files that stand in their places when the block ends. Raises StorageFull."""
    made = Writing()
    try:
        yield made
        made.finish()
    except OSError as error:
        raise StorageFull(
            f"The lake could not be written: {error}.",
            hint="Free some space or choose another folder, then run it again: it goes on.",
        ) from error


def sync(path: Path) -> None:
    """Have a file on disk, whoever wrote it."""
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
