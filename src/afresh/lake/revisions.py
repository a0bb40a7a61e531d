"""Revisions: the facts of a day, written once; a later one replaces an earlier one for readers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import polars as pl

from afresh.errors import CorruptData
from afresh.features.engines.batch.facts import SCHEMAS, Facts
from afresh.features.plan import Plan
from afresh.lake.durable import Writing, remove
from afresh.lake.progress import Day, day_number

FORMAT = 1
"""Of the four files; facts of another format are made again."""

NAME = "facts.json"


class Made(msgspec.Struct, frozen=True):
    """What a revision was made of: a plan (its hash), and a day as it was when its last change
    ended at this offset of the log. newest: the greatest timestamp in it, UTC ms."""

    plan: str
    changed: int
    events: int
    newest: int
    format: int = FORMAT


class Revision(msgspec.Struct, frozen=True):
    number: int
    folder: Path
    made: Made


def latest(lake: Path, day: str) -> Revision | None:
    """The revision of a day that counts."""
    numbers = _numbers(_folder(lake, day))
    if not numbers:
        return None
    folder = _folder(lake, day) / f"revision={max(numbers)}"
    try:
        made = msgspec.json.decode((folder / NAME).read_bytes(), type=Made)
    except (OSError, msgspec.MsgspecError) as error:
        raise CorruptData(
            f"{folder / NAME} cannot be read: {error}",
            hint="Remove the revision's folder and run `afresh batch` again.",
        ) from error
    return Revision(max(numbers), folder, made)


def is_current(revision: Revision | None, plan: Plan, day: Day) -> bool:
    """Whether a revision says what the plan says of the day as the lake has it."""
    if revision is None:
        return False
    made = revision.made
    return (made.plan, made.changed, made.format) == (plan.hash, day.changed, FORMAT)


def write(
    made: Writing, lake: Path, name: str, what: Made, facts: Mapping[str, pl.DataFrame]
) -> None:
    """Write the next revision of a day; facts: frames by name, of that day, without `day`."""
    number = max(_numbers(_folder(lake, name)), default=0) + 1
    part = made.place(_folder(lake, name) / f"revision={number}")
    if part.exists():  # a run was killed here
        remove(part)
    part.mkdir()
    for kind, frame in facts.items():
        frame.write_parquet(part / f"{kind}.parquet", compression="zstd", compression_level=1)
    (part / NAME).write_bytes(msgspec.json.format(msgspec.json.encode(what)))


def read(revision: Revision, day: str) -> Facts:
    """The facts of a revision."""
    frames = {}
    number = pl.lit(day_number(day), pl.Int32).alias("day")
    for kind, schema in SCHEMAS.items():
        path = revision.folder / f"{kind}.parquet"
        try:
            frame = pl.read_parquet(path, hive_partitioning=False)
            frames[kind] = frame.with_columns(number).select(*schema)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise CorruptData(
                f"{path} cannot be read: {error}",
                hint=f"Remove {revision.folder} and run `afresh batch` again.",
            ) from error
    return Facts(**frames)


def _folder(lake: Path, day: str) -> Path:
    return lake / "facts" / f"day={day}"


def _numbers(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return [int(path.name.partition("=")[2]) for path in folder.glob("revision=*")]
