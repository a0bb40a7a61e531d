"""What a lake has got so far: the one small file that is changed."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import msgspec

from afresh.errors import BadRequest, CorruptData, NotFound
from afresh.lake.durable import writing
from afresh.log import Log

FORMAT = 1
NAME = "lake.json"
EPOCH = date(1970, 1, 1)


class Day(msgspec.Struct):
    """A day of events: how many, and the log's offset behind the last change to it."""

    changed: int = 0
    events: int = 0


class Progress(msgspec.Struct):
    """What was brought: events before `offset` of the log with this id, whose greatest timestamp
    is `newest` (UTC ms). `start`: what stood before it the log no longer held. Days by name."""

    log: str
    format: int = FORMAT
    start: int = 0
    offset: int = 0
    newest: int = 0
    days: dict[str, Day] = {}

    def save(self, lake: Path) -> None:
        with writing() as made:
            made.place(lake / NAME).write_bytes(msgspec.json.format(msgspec.json.encode(self)))

    def follows(self, lake: Path, log: Log) -> None:
        """Raises BadRequest when this is not a beginning of the log."""
        anew = "Begin a new lake in another folder: --out."
        if self.log != log.id:
            raise BadRequest(f"The lake {lake} was brought from another log.", hint=anew)
        if self.offset > log.end:
            raise BadRequest(
                f"The lake {lake} has events up to offset {self.offset:,}; the log ends at"
                f" {log.end:,}. It was put back to an earlier state.",
                hint=anew,
            )
        if self.offset < log.start:
            raise BadRequest(
                f"The log has dropped offsets {self.offset:,} to {log.start:,} before they were"
                f" brought to the lake {lake}.",
                hint=f"{anew} To prevent it, run more often, or raise log_retention_age.",
            )


def load(lake: Path) -> Progress | None:
    """What the lake's file says; None where there is no lake yet."""
    try:
        document = (lake / NAME).read_bytes()
    except FileNotFoundError:
        return None
    try:
        found = msgspec.json.decode(document, type=Progress)
    except msgspec.MsgspecError as error:
        raise CorruptData(f"{lake / NAME} cannot be read: {error}") from error
    if found.format != FORMAT:
        raise CorruptData(
            f"{lake / NAME} has format {found.format}; this version reads {FORMAT}.",
            hint="Begin a new lake in another folder.",
        )
    return found


def known(lake: Path) -> Progress:
    """As `load`. Raises NotFound where there is no lake."""
    found = load(lake)
    if found is None:
        raise NotFound(f"There is no lake in {lake}.", hint="Make one with `afresh batch`.")
    return found


def day_name(number: int) -> str:
    """A UTC day by its number from the epoch: 2026-01-31."""
    return (EPOCH + timedelta(days=number)).isoformat()


def day_number(name: str) -> int:
    return (date.fromisoformat(name) - EPOCH).days
