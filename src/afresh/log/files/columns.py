"""Frames of events to the columns of a batch and back, a column at a time.

The checks are the door's; what is refused is refused row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.events.batch import NULL, TEXT_IDS, EventBatch
from afresh.events.schema import PlanEvent, PlanField
from afresh.log.files.numbers import fixed_points
from afresh.log.files.rejects import Reject
from afresh.log.files.texts import faulty, joined

CONTRACT = (*TEXT_IDS, "event_type", "timestamp", "value", "row", "sent_timestamp")
TEXT_KINDS = ("str", "list[str]")


@dataclass(slots=True)
class FrameColumns:
    """A batch, the file's row number of each of its events (int64[batch.n]), and the rejects.

    An event without an id has the empty one.
    """

    batch: EventBatch
    rows: NDArray[np.int64]
    rejected: list[Reject]


@dataclass(slots=True)
class Faults:
    """Which rows are refused and why; the first reason counts. rows: int64[n]."""

    rows: NDArray[np.int64]
    found: dict[int, Reject] = field(default_factory=dict)

    def add(
        self,
        mask: NDArray[np.bool_],
        code: str,
        path: str,
        detail: str | Callable[[int], str],
    ) -> None:
        for i in np.flatnonzero(mask).tolist():
            if i not in self.found:
                text = detail if isinstance(detail, str) else detail(i)
                self.found[i] = Reject(int(self.rows[i]), code, path, text)


def frame_to_columns(frame: pl.DataFrame, events: Sequence[PlanEvent]) -> FrameColumns:
    """Columns of the events in a frame of `read_events`, typed as `events` declares."""
    n = frame.height
    rows = (
        frame["row"].to_numpy().astype(np.int64)
        if "row" in frame.columns
        else np.arange(1, n + 1, dtype=np.int64)
    )
    faults = Faults(rows)
    codes = _codes(frame, events, faults)
    ts = _timestamps(frame, faults)
    _nobody(frame, faults)
    _unknown(frame, events, codes, faults)
    strings = {name: _text(frame, name, f"$.{name}", faults) for name in TEXT_IDS}
    numbers: dict[str, NDArray[np.int64]] = {}
    places: dict[str, int] = {}
    for name, by_type in _declared(events).items():
        path = "$.value" if name == "value" else f"$.properties.{name}"
        column = path.removeprefix("$.")
        if column not in frame.columns or frame[column].null_count() == n:
            continue
        if any(f.kind in TEXT_KINDS for f in by_type.values()):
            strings[name] = _text(frame, column, path, faults)
            continue
        places[name] = max(f.places for f in by_type.values())
        per_type = np.zeros(len(events), np.int64)
        per_type[list(by_type)] = [f.places for f in by_type.values()]
        numbers[name] = fixed_points(frame[column], per_type[codes], places[name], path, faults)
    texts, bad = {}, np.zeros(n, np.bool_)
    bad[list(faults.found)] = True
    keep = None if not faults.found else pl.Series(~bad)
    for name, series in strings.items():
        texts[name] = joined(series if keep is None else series.filter(keep))
    sent = _sent(frame)
    batch = EventBatch(
        n=n - len(faults.found),
        types=tuple(event.name for event in events),
        type=codes[~bad],
        ts=ts[~bad],
        texts=texts,
        numbers={name: column[~bad] for name, column in numbers.items()},
        places=places,
        sent_ts=None if sent is None else sent[~bad],
    )
    return FrameColumns(batch, rows[~bad], [faults.found[i] for i in sorted(faults.found)])


def empty_batch(events: Sequence[PlanEvent]) -> EventBatch:
    """A batch of no events."""
    return EventBatch(
        n=0,
        types=tuple(event.name for event in events),
        type=np.empty(0, np.uint8),
        ts=np.empty(0, np.int64),
        texts=dict.fromkeys(TEXT_IDS, b""),
    )


def batch_to_frame(batch: EventBatch, events: Sequence[PlanEvent]) -> pl.DataFrame:
    """A frame for `write_events`: what the sender said, an absent value as null.

    Columns that the door added from the catalogue (`item.<field>`) are left out.
    """
    types = pl.Series(batch.types, dtype=pl.String)
    columns = [_strings(batch, "event_id"), types.gather(batch.type).alias("event_type")]
    columns += [_strings(batch, name) for name in TEXT_IDS if name != "event_id"]
    columns.append(pl.Series("timestamp", batch.ts, pl.Int64))
    none = np.full(batch.n, NULL)
    columns.append(_nullable("sent_timestamp", none if batch.sent_ts is None else batch.sent_ts))
    for name, by_type in _declared(events).items():
        label = "value" if name == "value" else f"properties.{name}"
        if any(f.kind in TEXT_KINDS for f in by_type.values()):
            columns.append(_strings(batch, name).alias(label))
            continue
        column = _nullable(label, batch.numbers.get(name, none))
        if all(f.kind == "bool" for f in by_type.values()):
            column = column.cast(pl.Boolean)
        elif any(f.places for f in by_type.values()):
            # NumPy divides; Polars multiplies by the inverse, and 41 / 100 is not 0.41 then.
            scaled = column.cast(pl.Float64).to_numpy() / 10 ** batch.places.get(name, 0)
            column = pl.Series(label, scaled, pl.Float64).set(column.is_null(), None)
        columns.append(column)
    return pl.DataFrame(columns)


def _declared(events: Sequence[PlanEvent]) -> dict[str, dict[int, PlanField]]:
    """By property: the type codes that declare it, with their declaration; `value` always."""
    out: dict[str, dict[int, PlanField]] = {"value": {}}
    for code, event in enumerate(events):
        out["value"][code] = PlanField(name="value", kind="decimal", places=event.value_places)
        for declared in event.fields:
            out.setdefault(declared.name, {})[code] = declared
    return out


def _codes(frame: pl.DataFrame, events: Sequence[PlanEvent], faults: Faults) -> NDArray[np.uint8]:
    if "event_type" not in frame.columns:
        faults.add(
            np.ones(frame.height, np.bool_), "missing_field", "$.event_type", "It is absent."
        )
        return np.zeros(frame.height, np.uint8)
    given, names = frame["event_type"], [event.name for event in events]
    codes = given.replace_strict(names, range(len(names)), default=None, return_dtype=pl.UInt8)
    if codes.null_count():
        faults.add(given.is_null().to_numpy(), "missing_field", "$.event_type", "It is absent.")
        known = ", ".join(names)
        faults.add(
            codes.is_null().to_numpy(),
            "unknown_event_type",
            "$.event_type",
            lambda i: f"'{given[i]}' is not declared; there are: {known}.",
        )
    return codes.fill_null(0).to_numpy().astype(np.uint8)


def _timestamps(frame: pl.DataFrame, faults: Faults) -> NDArray[np.int64]:
    ts = frame["timestamp"]
    faults.add(ts.is_null().to_numpy(), "missing_field", "$.timestamp", "It is absent.")
    return ts.fill_null(0).to_numpy().astype(np.int64)


def _nobody(frame: pl.DataFrame, faults: Faults) -> None:
    nobody = np.ones(frame.height, np.bool_)
    for name in ("user_id", "session_id"):
        if name in frame.columns:
            nobody &= frame[name].is_null().to_numpy()
    faults.add(nobody, "missing_field", "$.user_id", "An event needs user_id or session_id.")


def _unknown(
    frame: pl.DataFrame, events: Sequence[PlanEvent], codes: NDArray[np.uint8], faults: Faults
) -> None:
    """Columns with a value in rows whose event type does not declare them; required ones absent."""
    declared = _declared(events)
    for column in frame.columns:
        if column in CONTRACT or column.startswith("item."):
            continue
        by_type = declared.get(column.removeprefix("properties."), {})
        if not column.startswith("properties."):
            by_type = {}
        if len(by_type) < len(events):
            open_ = ~np.isin(codes, list(by_type)) & frame[column].is_not_null().to_numpy()
            faults.add(open_, "unknown_field", f"$.{column}", "The definition has no such field.")
    for name, by_type in declared.items():
        required = [code for code, f in by_type.items() if not f.optional]
        if required:
            column = f"properties.{name}"
            absent = np.isin(codes, required)
            if column in frame.columns:
                absent &= frame[column].is_null().to_numpy()
            faults.add(absent, "missing_field", f"$.{column}", "It is absent.")


def _text(frame: pl.DataFrame, column: str, path: str, faults: Faults) -> pl.Series:
    if column not in frame.columns:
        return pl.Series([""], dtype=pl.String).new_from_index(0, frame.height)
    series = frame[column]
    if series.dtype.is_nested():
        faults.add(series.is_not_null().to_numpy(), "bad_type", path, f"It is {series.dtype}.")
        return pl.Series([""], dtype=pl.String).new_from_index(0, frame.height)
    series = series.cast(pl.String)
    for mask, detail in faulty(series, empty=not column.startswith("properties.")):
        faults.add(mask, "bad_id", path, detail)
    return series.fill_null("")


def _strings(batch: EventBatch, name: str) -> pl.Series:
    series = pl.Series(name, batch.strings(name), pl.String)
    return series.set(series == "", None)


def _nullable(name: str, column: NDArray[np.int64]) -> pl.Series:
    return pl.Series(name, column, pl.Int64).set(pl.Series(column == NULL), None)


def _sent(frame: pl.DataFrame) -> NDArray[np.int64] | None:
    """The time as sent, where an export of ours says that the door lowered it."""
    if (
        "sent_timestamp" not in frame.columns
        or frame["sent_timestamp"].null_count() == frame.height
    ):
        return None
    sent = frame["sent_timestamp"].cast(pl.Int64, strict=False)
    return sent.fill_null(NULL).to_numpy().astype(np.int64)
