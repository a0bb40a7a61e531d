"""The stream: a file of events in the order of time, laid out so that any stretch is quick to fold.

The columns are those of `afresh import`. Rows are named by their place in the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.errors import BadRequest
from afresh.evaluation.wanted import Ties
from afresh.events.batch import EventBatch
from afresh.events.occurrence import Occurrences
from afresh.events.schema import PlanEvent
from afresh.events.texts import as_bytes, split_column
from afresh.log.files import frame_to_columns, read_events
from afresh.log.files.columns import batch_to_frame
from afresh.log.files.rejects import Rejects
from afresh.problems import suggest

Progress = Callable[[str, int, int], None]

Rows = NDArray[np.int64]


@dataclass(slots=True)
class Stream:
    """n events by time. ts: int64[n], as folded; stamp: int64[n], as the file has it, which is
    what the index may know; group: int64[n], one number for what is judged together, rising by
    the first of it. marked: bool[n], the file's test rows. session and person: int64[n], whose
    events they are, a session's number never being a user's; item: int64[n], into `items`, -1 for
    none. counts: bool[n], what somebody did to an item: it has one, and its type has a weight.

    users and sessions: their names, None where an event has none. event_ids: as the log would
    have them. columns: the file's events, for
    segments. rejects: what could not be read.
    """

    batch: EventBatch
    stamp: Rows
    group: Rows
    marked: NDArray[np.bool_]
    session: Rows
    person: Rows
    item: Rows
    counts: NDArray[np.bool_]
    items: list[str]
    users: list[str | None]
    sessions: list[str | None]
    event_ids: list[str]
    columns: pl.DataFrame
    rejects: Rejects
    _starts: dict[str, Rows] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.batch.n

    @property
    def ts(self) -> Rows:
        return self.batch.ts

    def field(self, name: str) -> pl.Series:
        """A field of the events as they were sent. Raises BadRequest where they have none such."""
        return field_of(self.columns, name)

    def stretch(self, first: int, last: int) -> EventBatch:
        """Events [first, last), without walking over all the others."""
        whole, texts = self.batch, {}
        for name, column in whole.texts.items():
            if name not in self._starts:
                self._starts[name] = split_column(as_bytes(column), whole.n)
            starts = self._starts[name]
            texts[name] = column[starts[first] : starts[last] - 1]
        return EventBatch(
            n=last - first, types=whole.types, type=whole.type[first:last],
            ts=whole.ts[first:last], texts=texts,
            numbers={name: column[first:last] for name, column in whole.numbers.items()},
            places=dict(whole.places),
        )  # fmt: skip


def field_of(events: pl.DataFrame, name: str) -> pl.Series:
    """A column of events by its name, or a property by its own. Raises BadRequest."""
    for column in (name, f"properties.{name}"):
        if column in events.columns:
            return events[column]
    known = [each.removeprefix("properties.") for each in events.columns]
    raise BadRequest(f"The events have no field {name!r}.", hint=suggest(name, known))


def read_stream(
    path: Path, events: Sequence[PlanEvent], *, ties: Ties = "together", seed: int = 1,
    test: str | None = None, progress: Progress = lambda stage, done, total: None,
) -> Stream:  # fmt: skip
    """The events of a file. test: `column=value`, which rows are the test.

    Raises BadRequest when the file, or the column, cannot be read, or nobody did anything.
    """
    reading, frames, marks = read_events(path), [], []
    column, _, value = (test or "").partition("=")
    parts = []
    for frame in reading:
        mark = np.zeros(frame.height, np.bool_)
        if column:
            if column not in frame.columns:
                raise BadRequest(
                    f"{path} has no column {column!r}.", hint="--test is COLUMN=VALUE."
                )
            mark = (frame[column].cast(pl.String) == value).fill_null(False).to_numpy()
            frame = frame.drop(column)
        said = frame_to_columns(frame, events)
        reading.rejects.extend(said.rejected)
        kept = np.isin(frame["row"].to_numpy(), said.rows)
        parts.append(said.batch)
        frames.append(batch_to_frame(said.batch, events))
        marks.append(mark[kept])
        progress("events", reading.done, reading.total)
    if not sum(part.n for part in parts):
        first = reading.rejects.first[0] if reading.rejects.first else None
        why = f"Row {first.row}: {first.detail}" if first else "It has no rows."
        raise BadRequest(f"No event of {path} can be read.", hint=why)
    frame = pl.concat(frames, how="diagonal_relaxed")
    batch, marked = _joined(parts), np.concatenate(marks)
    weights = {event.name: event.weight for event in events}
    weighs = np.array([weights[name] > 0 for name in batch.types])[batch.type]
    return _ordered(batch, frame, marked, weighs, reading.rejects, ties, seed)


def _joined(parts: Sequence[EventBatch]) -> EventBatch:
    """One batch of several of the same types."""
    names = list(dict.fromkeys(name for part in parts for name in part.texts))
    numbers = list(dict.fromkeys(name for part in parts for name in part.numbers))
    null = np.iinfo(np.int64).min
    return EventBatch(
        n=sum(part.n for part in parts),
        types=parts[0].types,
        type=np.concatenate([part.type for part in parts]),
        ts=np.concatenate([part.ts for part in parts]),
        texts={n: b"\0".join([_text(part, n) for part in parts if part.n]) for n in names},
        numbers={
            n: np.concatenate([part.numbers.get(n, np.full(part.n, null)) for part in parts])
            for n in numbers
        },
        places={n: max(part.places.get(n, 0) for part in parts) for n in numbers},
    )


def _text(part: EventBatch, name: str) -> bytes:
    return part.texts[name] if name in part.texts else b"\0" * (part.n - 1)


def _ordered(
    batch: EventBatch, frame: pl.DataFrame, marked: NDArray[np.bool_],
    weighs: NDArray[np.bool_], rejects: Rejects, ties: Ties, seed: int,
) -> Stream:  # fmt: skip
    Occurrences().name(batch)
    order = np.flatnonzero(pl.Series(batch.strings("event_id")).is_first_distinct().to_numpy())
    counts = weighs & frame["item_id"].is_not_null().to_numpy()
    if not counts[order].any():
        raise BadRequest(
            "No event of a type that has a weight names an item.",
            hint="A question is: which item came next?",
        )
    if ties == "shuffled":
        order = np.random.default_rng(seed).permutation(order)
    order = order[np.argsort(batch.ts[order], kind="stable")]
    stamp = batch.ts[order]
    session = _party(frame, "session_id", "user_id")[order]
    group = _same(stamp, session)
    ts = stamp
    if ties != "together":
        ts = stamp + place_in(group)
        again = np.argsort(ts, kind="stable")
        order, stamp, ts, session = order[again], stamp[again], ts[again], session[again]
        group = np.arange(len(order))
    batch, frame = batch.take(order), frame[order]
    batch.ts = ts
    names, item = np.unique(frame["item_id"].fill_null("").to_numpy(), return_inverse=True)
    if names[0] == "":
        names, item = names[1:], item - 1
    return Stream(
        batch, stamp, _by_first(group), marked[order], session,
        _party(frame, "user_id", "session_id"), item.astype(np.int64),
        counts[order], names.tolist(),
        frame["user_id"].to_list(), frame["session_id"].to_list(),
        batch.strings("event_id"), frame, rejects,
    )  # fmt: skip


def _party(frame: pl.DataFrame, first: str, second: str) -> Rows:
    """A number for whoever is named by the first column, or else by the second: int64[n]."""
    said = "u:" if first == "user_id" else "s:"
    other = "s:" if first == "user_id" else "u:"
    named = pl.coalesce(said + pl.col(first), other + pl.col(second))
    return frame.select(named.rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()


def _same(stamp: Rows, session: Rows) -> Rows:
    """A number for each distinct pair: int64[n]."""
    order = np.lexsort((session, stamp))
    new = (np.diff(stamp[order], prepend=-1) != 0) | (np.diff(session[order], prepend=-1) != 0)
    out = np.empty(len(order), np.int64)
    out[order] = np.cumsum(new) - 1
    return out


def place_in(group: Rows) -> Rows:
    """Of each the place among those of its group, from 0: int64[n]."""
    order = np.argsort(group, kind="stable")
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    sizes = np.diff([*first.tolist(), len(group)])
    out = np.empty(len(group), np.int64)
    out[order] = np.arange(len(group)) - np.repeat(first, sizes)
    return out


def _by_first(group: Rows) -> Rows:
    """The groups numbered anew, in the order in which the first of each comes."""
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[inverse]
