"""The one folder the demo leaves behind, and how far an earlier start came in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import polars as pl

from afresh.demo.prepare import Shop
from afresh.errors import AfreshError, BadRequest, StorageFull

DEFAULT = Path(".afresh-demo")
MARKER = "demo.json"
FORMAT = 2


class Marker(msgspec.Struct, kw_only=True):
    """What stands in the folder. `ready` once everything is imported; times in UTC ms."""

    what: str = "Made by `afresh demo`; may be deleted."
    format: int = FORMAT
    ready: bool = False
    events: int = 0
    items: int = 0
    shift_ms: int = 0
    last_ms: int = 0


class DemoFolder:
    """Files by name; nothing outside `path` is ever written, and only own files are removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.marker = path / MARKER
        self.events = path / "events.parquet"
        self.items = path / "items.parquet"
        self.households = path / "households.json"
        self.data = path / "data"

    def state(self) -> Marker | None:
        """What an earlier start left; None when there is nothing, or nothing to go on with.

        Raises BadRequest for a folder with other things in it.
        """
        if self.marker.is_file():
            try:
                found = msgspec.json.decode(self.marker.read_bytes(), type=Marker)
            except msgspec.MsgspecError:
                return None
            whole = self.households.is_file() and self.data.is_dir()
            return found if found.ready and found.format == FORMAT and whole else None
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise BadRequest(
                f"{self.path} holds something else than the demo's data.",
                hint="Name another folder with --data, one that is empty or does not exist.",
                code="not_a_demo_folder",
            )
        return None

    def clear(self) -> None:
        """Remove what the demo made, and claim the folder."""
        self.state()
        self.path.mkdir(parents=True, exist_ok=True)
        self.mark(Marker())
        for file in (self.events, self.items, self.households):
            file.unlink(missing_ok=True)
        if self.data.is_dir() and not self.data.is_symlink():
            shutil.rmtree(self.data)

    def write(self, shop: Shop) -> Marker:
        """Write the shop's files. Raises StorageFull when there is no room for them."""
        try:
            shop.items.write_parquet(self.items)
            shop.events.write_parquet(self.events)
            self.households.write_bytes(msgspec.json.encode(shop.households.to_dicts()))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StorageFull(
                f"The demo's files cannot be written to {self.path}: {error}",
                hint="It needs about 500 MB; make room, or name another folder with --data.",
            ) from error
        return Marker(
            events=shop.events.height,
            items=shop.items.height,
            shift_ms=shop.shift_ms,
            last_ms=shop.last_ms,
        )

    def mark(self, marker: Marker) -> None:
        """Replace the marker in one step."""
        new = self.marker.with_suffix(".new")
        try:
            new.write_bytes(msgspec.json.format(msgspec.json.encode(marker), indent=2))
            new.replace(self.marker)
        except OSError as error:
            raise AfreshError(
                f"{self.path} cannot be written: {error}",
                hint="Name a folder of yours with --data.",
            ) from error
