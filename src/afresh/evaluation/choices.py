"""The choices of a log that a surface is asked about: who, when, at which place, out of what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.errors import BadRequest
from afresh.log.files.timestamps import milliseconds

ROW = "number of the choice"
POSITION, CANDIDATES = "position", "candidates"
WHO = ("user_id", "session_id")


@dataclass(frozen=True, slots=True)
class Choices:
    """n choices by time. log: their rows, with their number in the column ROW; ts: int64[n], UTC
    ms; users and sessions: None where a choice names none; position: int64[n], from 0; candidates:
    what could be chosen, by name, None where the log does not say; said: what the request said of
    where and when."""

    log: pl.DataFrame
    ts: NDArray[np.int64]
    users: list[str | None]
    sessions: list[str | None]
    position: NDArray[np.int64]
    candidates: list[list[str]] | None
    said: list[dict[str, str | float]]

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def within(self) -> list[str]:
        """For each of whose values the log must have chosen what a policy does."""
        return [POSITION] if POSITION in self.log.columns else []


def choices_of(
    log: pl.DataFrame, path: Path, *, context: tuple[str, ...] = (), sample: int | None = None,
    seed: int = 1,
) -> Choices:  # fmt: skip
    """What `read_logged` has read, as questions. context: columns that the request says too;
    sample: so many choices, drawn by the seed.

    Raises BadRequest for a log that does not say who was asked, and when.
    """
    if "timestamp" not in log.columns or not set(WHO) & set(log.columns):
        raise BadRequest(
            f"{path} does not say who was asked, or when.",
            hint="A surface needs the columns timestamp and user_id or session_id; with "
            "probabilities in a file, the policy needs none.",
        )
    for name in context:
        if name not in log.columns:
            raise BadRequest(f"{path} has no column {name!r}.", hint="Look at --context.")
    if sample is not None and sample < log.height:
        drawn = np.random.default_rng(seed).choice(log.height, sample, replace=False)
        log = log[np.sort(drawn)]
    ts = milliseconds(log["timestamp"])
    if ts.null_count():
        raise BadRequest(
            f"{ts.null_count():,} timestamps of {path} are no moments.",
            hint="Milliseconds since 1970, or RFC 3339 with an offset.",
        )
    order = np.argsort(ts.to_numpy(), kind="stable")
    log = log[order].with_row_index(ROW)
    return Choices(
        log, ts.to_numpy()[order], _names(log, WHO[0]), _names(log, WHO[1]),
        _position(log, path), _candidates(log, path),
        [_said(row) for row in log.select(context).to_dicts()] if context else [{}] * log.height,
    )  # fmt: skip


def _names(log: pl.DataFrame, column: str) -> list[str | None]:
    if column not in log.columns:
        return [None] * log.height
    names: list[str | None] = log[column].cast(pl.String).to_list()
    return names


def _position(log: pl.DataFrame, path: Path) -> NDArray[np.int64]:
    if POSITION not in log.columns:
        return np.zeros(log.height, np.int64)
    column = log[POSITION].cast(pl.Int64, strict=False)
    least = column.min()
    if column.null_count() or not isinstance(least, int) or least < 0:
        raise BadRequest(
            f"{path} has positions that are none.", hint="They are whole numbers, the first is 0."
        )
    return column.to_numpy()


def _candidates(log: pl.DataFrame, path: Path) -> list[list[str]] | None:
    """What each choice was out of, in an order that does not tell which was chosen."""
    if CANDIDATES not in log.columns:
        return None
    if not isinstance(log.schema[CANDIDATES], pl.List):
        raise BadRequest(
            f"The column {CANDIDATES!r} of {path} has no lists.", hint="Use Parquet or NDJSON."
        )
    column = log[CANDIDATES].cast(pl.List(pl.String)).list.unique().list.sort()
    there = column.to_frame().select(pl.col(CANDIDATES).list.contains(log["item_id"]))
    missing = log.height - int(there[CANDIDATES].sum())
    if missing:
        raise BadRequest(
            f"{missing:,} choices of {path} are not among their candidates.",
            hint="Each list holds all that could be chosen, the item chosen included.",
        )
    return column.to_list()


def _said(row: dict[str, object]) -> dict[str, str | float]:
    return {
        name: value if isinstance(value, str) else float(str(value))
        for name, value in row.items()
        if value is not None
    }
