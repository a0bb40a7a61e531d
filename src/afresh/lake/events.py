"""Events of the log as Parquet files, a folder a UTC day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from afresh.errors import CorruptData
from afresh.events.batch import decode_batch
from afresh.features.engines.batch.columns import wanted
from afresh.features.engines.batch.facts import by_day
from afresh.features.engines.batch.frames import Places, frame_of
from afresh.features.plan import Plan
from afresh.lake.durable import PART, remove, sync, writing
from afresh.lake.progress import Day, Progress, day_name
from afresh.log.sqlite import SqliteLog

CHUNK = 250_000
"""Events that are brought at a time, about."""

DIGITS = 16
"""Of a file's name: the first offset that was looked at for it."""

PLACES = "afresh.places"
"""Where a file's metadata says the decimal places of its number columns, as JSON."""

READ = ["timestamp", "event_id", "event_type", "item_id", "user_id", "session_id"]
"""The columns that every plan reads."""

Reporting = Callable[[str, int, int], None]
"""progress(stage, done, total): stages `events` in records of the log, `days` in days."""

Chunk = tuple[int, int, pl.DataFrame, Places]
"""The first offset, the one behind the last, the events and their decimal places."""


def bring(
    lake: Path, log: SqliteLog, progress: Progress, report: Callable[[str, int, int], None]
) -> int:
    """Write what the log got since the last time; how many events. `progress` says so too."""
    until, begun, brought = log.end, progress.offset, 0
    _settle(log)
    _clean(lake, progress.offset)
    for first, end, frame, places in _chunks(log, progress.offset, until):
        progress.follows(lake, log)  # retention may have dropped what was not read yet
        said = {PLACES: msgspec.json.encode(places).decode()}
        with writing() as made:
            for number, events in by_day(frame):
                day, name = day_name(number), f"{first:0{DIGITS}d}.parquet"
                part = made.place(lake / "events" / f"day={day}" / name)
                events.write_parquet(part, compression="zstd", metadata=said)
                known = progress.days.setdefault(day, Day())
                known.changed, known.events = end, known.events + events.height
        newest: Any = frame["timestamp"].max() or 0
        progress.newest, progress.offset = max(progress.newest, newest), end
        progress.save(lake)
        brought += frame.height
        report("events", end - begun, until - begun)
    return brought


def _settle(log: SqliteLog) -> None:
    """Have on disk what the log holds: of a mirror, power failing may else take what was brought,
    and put other events at its offsets."""
    for path in (log.path.with_name(log.path.name + "-wal"), log.path):
        if path.exists():
            sync(path)


def _clean(lake: Path, offset: int) -> None:
    """Remove what a run left that was killed: files that the lake does not count."""
    for path in (lake / "events").glob(f"day=*/.*{PART}"):
        remove(path)
    for path in (lake / "events").glob("day=*/" + "[0-9]" * DIGITS + ".parquet"):
        if int(path.stem) >= offset:
            remove(path)


def _chunks(log: SqliteLog, offset: int, until: int) -> Iterator[Chunk]:
    first, frames, schema, held = offset, list[tuple[pl.DataFrame, Places]](), dict[str, Any](), 0
    for entry in log.read(offset, until):
        if entry.kind == "events" and entry.held:
            frame, places = frame_of(decode_batch(entry.payload))
            frame = frame.with_columns(pl.Series("offset", entry.offsets))
            # A property that became another type: its columns cannot stand in one file.
            differs = any(schema.get(name, dtype) != dtype for name, dtype in frame.schema.items())
            if differs or held >= CHUNK:
                yield first, entry.offset, *together(frames)
                first, frames, schema, held = entry.offset, [], {}, 0
            frames.append((frame, places))
            schema |= frame.schema
            held += frame.height
    if until > first:
        yield first, until, *together(frames)


def together(frames: Iterable[tuple[pl.DataFrame, Places]]) -> tuple[pl.DataFrame, Places]:
    """Frames as one, numbers scaled by the most decimal places that one of them has."""
    parts = list(frames)
    most: Places = {}
    for _, places in parts:
        most |= {name: max(n, most.get(name, 0)) for name, n in places.items()}
    scaled = [
        frame.with_columns(
            pl.col(name) * 10 ** (most[name] - n) for name, n in places.items() if n < most[name]
        )
        for frame, places in parts
    ]
    empty = pl.DataFrame(schema={"timestamp": pl.Int64, "day": pl.Int32})
    return pl.concat(scaled or [empty], how="diagonal"), most


def read_days(lake: Path, days: Iterable[str], plan: Plan) -> tuple[pl.DataFrame, Places]:
    """The events of some days, with the columns that the plan reads, and `day`."""
    return together(
        _read(path, plan)
        for day in days
        for path in sorted((lake / "events" / f"day={day}").glob("*.parquet"))
    )


def _read(path: Path, plan: Plan) -> tuple[pl.DataFrame, Places]:
    try:
        schema = pl.read_parquet_schema(path)
        columns = [n for n, dtype in wanted(plan).items() if schema.get(n) == dtype]
        frame = pl.read_parquet(path, columns=[*READ, *columns], hive_partitioning=False)
        places = msgspec.json.decode(pl.read_parquet_metadata(path)[PLACES], type=Places)
    except (pl.exceptions.PolarsError, msgspec.MsgspecError, KeyError) as error:
        raise CorruptData(
            f"{path} cannot be read: {error}",
            hint="Begin a new lake in another folder: the log holds the events.",
        ) from error
    day = (pl.col("timestamp") // 86_400_000).cast(pl.Int32).alias("day")
    return frame.with_columns(day), {n: p for n, p in places.items() if n in columns}
