"""Putting a repository into a folder, without touching what is somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

from afresh.errors import AfreshError
from afresh.feast.repository import MARK, Places


def places_of(app: Path, data: Path, folder: Path, store: str | None, server: str) -> Places:
    """Where things are, seen from the repository."""
    return Places(_from(folder, app), _from(folder, data), store, server)


def write(folder: Path, texts: dict[str, str]) -> list[Path]:
    """Write the files; which of them are new or changed.

    Raises AfreshError, and writes nothing, when one is there that `afresh feast init` did not
    write.
    """
    changed = check(folder, texts)
    folder.mkdir(parents=True, exist_ok=True)
    for path in changed:
        path.write_text(texts[path.name], encoding="utf-8")
    return changed


def check(folder: Path, texts: dict[str, str]) -> list[Path]:
    """The files that would be written; raises as `write`."""
    if folder.exists() and not folder.is_dir():
        raise AfreshError(f"{folder} is a file", hint="Name a folder.")
    changed = []
    for name, text in texts.items():
        path = folder / name
        held = path.read_bytes() if path.is_file() else None
        if path.exists() and (held is None or not held.startswith(MARK.encode())):
            raise AfreshError(
                f"{path} is not of `afresh feast init`, so nothing was written",
                hint="Name another folder, or move that file away.",
            )
        if held != text.encode():
            changed.append(path)
    return changed


def _from(folder: Path, path: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
