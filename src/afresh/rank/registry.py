"""The registry: trained models, each in a folder that never changes, and which of them rank.

A model is made in a folder beside its place, flushed to the disk, and put in place by one rename:
it is there whole, or not at all. Its manifest names every file with its SHA-256. Which model
ranks a surface, and which ones did before, is one small file that is replaced by a rename too.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from afresh.errors import AfreshError, BadRequest, CorruptData, NotFound
from afresh.problems import suggest
from afresh.rank.manifest import Manifest, read_manifest
from afresh.store.snapshot import sync_folder

MANIFEST, PROMOTED = "manifest.json", "promoted.json"
MODEL, GRAPH = "model.txt", "model.onnx"
"""The file of a model: of trees, and of a graph."""
MAKING = ".making-"
"""How the name of a folder begins in which a model is being made."""
TAKEN = ("blend", "softmax")
"""What answers say ranked them where no model did."""
IN_FORCE = "promoted"
"""By this name commands mean whichever model ranks now."""
LEFT_S = 3600.0
"""What is being made for longer, in seconds, was left by a crash."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Turn(msgspec.Struct, frozen=True):
    """From a moment on, UTC ms, a model ranks a surface; "": none does."""

    model: str
    since: int


class Registry:
    """The models in `folder`; it need not exist before the first one is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.promoted_file = folder / PROMOTED

    def names(self) -> list[str]:
        """The models there are, the oldest first."""
        if not self.folder.is_dir():
            return []
        found = [path.name for path in self.folder.iterdir() if (path / MANIFEST).is_file()]
        found = [name for name in found if _NAME.fullmatch(name)]
        return sorted(found, key=lambda name: (self.manifest(name).created, name))

    def manifest(self, name: str) -> Manifest:
        """Raises NotFound and CorruptData."""
        return self._manifest(self._place(name))

    def read(self, name: str) -> tuple[Manifest, dict[str, bytes]]:
        """A model and its files, each compared with its checksum. Raises NotFound, CorruptData."""
        place = self._place(name)
        manifest, files = self._manifest(place), {}
        for file, wanted in manifest.files.items():
            try:
                data = (place / Path(file).name).read_bytes()
            except OSError as error:
                raise CorruptData(f"{place / file} cannot be read: {error}") from error
            if hashlib.sha256(data).hexdigest() != wanted:
                raise CorruptData(
                    f"{place / file} is not what was written: its checksum differs.",
                    hint="Train again, or roll back to another model.",
                )
            files[file] = data
        return manifest, files

    def add(self, manifest: Manifest, files: Mapping[str, bytes]) -> Path:
        """Put a model in place under its name, whole or not at all.

        Raises BadRequest for a name that cannot be one, or is taken.
        """
        name = manifest.model
        if not _NAME.fullmatch(name) or name in (*TAKEN, IN_FORCE):
            raise BadRequest(
                f"{name!r} cannot name a model.",
                hint="Up to 64 letters, digits, dots, dashes; no dash or dot first.",
            )
        place = self.folder / name
        if place.exists():
            raise BadRequest(f"There is a model {name!r} already.", hint="They never change.")
        manifest.files = checksums(files)
        document = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        self.folder.mkdir(parents=True, exist_ok=True)
        making = self.folder / f"{MAKING}{name}-{os.getpid()}-{threading.get_ident()}"
        try:
            making.mkdir()
            for file, data in {**files, MANIFEST: document}.items():
                _write(making / file, data)
            sync_folder(making)
            try:
                making.rename(place)
            except OSError as error:
                message = f"There is a model {name!r} already."
                raise BadRequest(message, hint="They never change.") from error
        finally:
            shutil.rmtree(making, ignore_errors=True)
        sync_folder(self.folder)
        return place

    def turns(self) -> dict[str, list[Turn]]:
        """By surface, which models ranked it, the last of them now. Raises CorruptData."""
        try:
            data = self.promoted_file.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            return msgspec.json.decode(data, type=dict[str, list[Turn]])
        except msgspec.MsgspecError as error:
            raise CorruptData(
                f"{self.promoted_file} cannot be read: {error}",
                hint="Remove it, then promote again; until then no model ranks.",
            ) from error

    def promoted(self, surface: str, at: int | None = None) -> str:
        """The model that ranks a surface, at a moment, UTC ms, or now; "": none."""
        turns = [t for t in self.turns().get(surface, []) if at is None or t.since <= at]
        return turns[-1].model if turns else ""

    def promote(self, surface: str, name: str, now: int) -> None:
        """Have a model rank a surface from now on, UTC ms; "" for none. Raises NotFound."""
        if name:
            self._place(name)
        turns = self.turns()
        if self.promoted(surface) != name:
            turns.setdefault(surface, []).append(Turn(name, now))
            self._replace(turns)

    def rollback(self, surface: str, now: int) -> str:
        """Have the model before the one in force rank again, and say which; "": none.

        Going back twice goes two models back, as if the later ones had never been promoted.
        Raises NotFound when nothing ranks, and when the one before was pruned.
        """
        turns = self.turns().get(surface, [])
        stack: list[str] = []
        for turn in turns:  # a return to what was below on the stack takes what was above off it
            while turn.model in stack and stack[-1] != turn.model:
                stack.pop()
            if not stack or stack[-1] != turn.model:
                stack.append(turn.model)
        if not stack or not stack[-1]:
            raise NotFound(f"No model ranks {surface!r}.", hint="There is nothing to go back from.")
        before = stack[-2] if len(stack) > 1 else ""
        self.promote(surface, before, now)
        return before

    def prune(self, keep: int) -> list[str]:
        """Remove the oldest models but the newest `keep`, never one that ranks or ranked before
        it; and what a crash left half made, an hour ago or longer. The names of those removed."""
        turns = self.turns().values()
        needed = {turn.model for each in turns for turn in each[-2:]}
        names = self.names()
        spare = [name for name in names[: max(len(names) - keep, 0)] if name not in needed]
        for name in spare:
            # Renamed first, so that half of a model is never taken for one.
            gone = self.folder / f"{MAKING}{name}-gone"
            (self.folder / name).rename(gone)
            shutil.rmtree(gone)
        if self.folder.is_dir():
            for left in self.folder.glob(f"{MAKING}*"):
                if time.time() - left.stat().st_mtime > LEFT_S:
                    shutil.rmtree(left, ignore_errors=True)
        return spare

    def _place(self, name: str) -> Path:
        place = self.folder / name
        if not _NAME.fullmatch(name) or not (place / MANIFEST).is_file():
            hint = suggest(name, self.names()) or "`afresh models list` says which there are."
            raise NotFound(f"There is no model {name!r}.", hint=hint)
        return place

    def _manifest(self, place: Path) -> Manifest:
        return read_manifest((place / MANIFEST).read_bytes(), str(place / MANIFEST))

    def _replace(self, turns: Mapping[str, list[Turn]]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".{PROMOTED}-{os.getpid()}-{threading.get_ident()}"
        try:
            _write(beside, msgspec.json.format(msgspec.json.encode(turns), indent=2))
            beside.replace(self.promoted_file)
        except OSError as error:
            raise AfreshError(f"{self.promoted_file} cannot be written: {error}") from error
        sync_folder(self.folder)


def checksums(files: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each file, by name, as hex digits."""
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
