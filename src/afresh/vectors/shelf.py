"""The shelf: fitted vectors in a folder, each in a file that never changes; the newest is in force.

A file's name says when it was made and the checksum of what is in it. It is written beside its
place, flushed, and put in place by one rename. To go back to the vectors before, remove the newest.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from pathlib import Path

from afresh.errors import CorruptData, NotFound
from afresh.store.snapshot import sync_folder
from afresh.vectors.fitted import FittedVectors, read_fitted

FOLDER = "vectors"
"""The shelf, in the data folder."""
KEPT = 8
"""Fits that are kept, so that answers which rested on them can be replayed."""
_NAME = re.compile(r"([0-9]{13})-([0-9a-f]{16})")


class Shelf:
    """The fits in `folder`; it need not exist before the first one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """The fits there are, the oldest first."""
        if not self.folder.is_dir():
            return []
        stems = (path.stem for path in self.folder.glob("*.npz"))
        return sorted(stem for stem in stems if _NAME.fullmatch(stem))

    def newest(self, at: int | None = None) -> str:
        """What is in force now, or was at a moment, UTC ms; "" for nothing."""
        names = [name for name in self.names() if at is None or made_at(name) <= at]
        return names[-1] if names else ""

    def read(self, name: str) -> FittedVectors:
        """Raises NotFound for one that is gone, CorruptData for one that is not as written."""
        path = self._path(name)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise NotFound(
                f"The item vectors {name!r} are gone.", hint=f"The newest {KEPT} fits are kept."
            ) from error
        if _checksum(data) != name.partition("-")[2]:
            raise CorruptData(
                f"{path} is not what was written: its checksum differs.",
                hint="Remove it; the fit before it is in force then.",
            )
        return read_fitted(name, data)

    def add(self, fitted: FittedVectors, now: int) -> str:
        """Put a fit in force from now on, UTC ms, and remove what is older than the newest KEPT;
        its name. Raises OSError."""
        data = fitted.to_bytes()
        name = f"{now:013d}-{_checksum(data)}"
        self.folder.mkdir(parents=True, exist_ok=True)
        making = self.folder / f".{name}-{os.getpid()}-{threading.get_ident()}"
        try:
            with making.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            making.replace(self._path(name))
        finally:
            making.unlink(missing_ok=True)
        for old in self.names()[:-KEPT]:
            self._path(old).unlink(missing_ok=True)
        sync_folder(self.folder)
        return name

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise NotFound(f"{name!r} names no item vectors.")
        return self.folder / f"{name}.npz"


def made_at(name: str) -> int:
    """When a fit was made, UTC ms."""
    return int(name.partition("-")[0])


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
