"""Sessions of clicks with a test split, for judging recommendations.

Real are those of a folder given with --data, in gce-diginetica/: events.parquet (order, session,
pos, item, split) and test.parquet (session, prefix_len, target). Without it, walks through a
made-up shop of small groups of items.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.app import App
from afresh.events.batch import EventBatch, join
from afresh.features.engines.embedded import State

FOLDER = "gce-diginetica"
EVENT_MS = 8_640
"""Events have a place in the source but no time: 10,000 of them are taken for a day, at which
the sixteen thousand last sessions are the week that they were."""
START_MS = 1_400_000_000_000
CHUNK = 100_000


@dataclass(frozen=True, slots=True)
class Cases:
    """Questions: the first length[i] events of the session that begins at events row first[i];
    answer[i] is the event row whose item came next, as int64[n] each."""

    first: NDArray[np.int64]
    length: NDArray[np.int64]
    answer: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Cases:
        return Cases(self.first[rows], self.length[rows], self.answer[rows])


@dataclass(frozen=True, slots=True)
class Clicks:
    """session, item: int64[n] of the events in order, sessions one after the other. held: where
    the last sessions of train begin, on which is learned; train: where train ends."""

    session: NDArray[np.int64]
    item: NDArray[np.int64]
    held: int
    train: int
    learn: Cases
    test: Cases
    source: str
    missing: str

    def state(self) -> State:
        """A state without events that keeps whatever is folded."""
        app = App("clicks", session_length=1000, postings_per_item=100_000, within="3650d")
        app.event("view")
        return State(app.plan())

    def fold(self, state: State, first: int, last: int) -> None:
        """Fold events [first, last) as views."""
        for a in range(first, last, CHUNK):
            rows = np.arange(a, min(a + CHUNK, last))
            n = len(rows)
            texts = {
                "event_id": join(map(str, rows.tolist())),
                "user_id": join([""] * n),
                "item_id": join(map(str, self.item[rows].tolist())),
                "session_id": join(map(str, self.session[rows].tolist())),
            }
            ts = START_MS + EVENT_MS * rows
            state.fold(EventBatch(n, ("view",), np.zeros(n, np.uint8), ts, texts))

    def numbers(self, state: State) -> NDArray[np.int64]:
        """The state's number of each event's item: int64[n], -1 for items it does not know."""
        names, at = np.unique(self.item, return_inverse=True)
        return state.find("item_id", [str(name) for name in names.tolist()])[at]


def clicks(folder: Path | None, *, held: int = 16_000) -> Clicks:
    """The clicks of the folder, or made-up ones, and why. held: sessions to learn on."""
    if folder is not None and (path := folder / FOLDER / "events.parquet").exists():
        events = pl.read_parquet(path).sort("order")
        asked = pl.read_parquet(path.with_name("test.parquet"))
        session, item = (events[c].to_numpy().astype(np.int64) for c in ("session", "item"))
        train = int((events["split"] == "train").sum())
        first = np.searchsorted(session, asked["session"].to_numpy())
        length = asked["prefix_len"].to_numpy().astype(np.int64)
        test = Cases(first, length, first + length)
        if not np.array_equal(item[test.answer], asked["target"].to_numpy()):
            raise SystemExit(f"{path.parent}: the targets are not what came next in the events")
        source, missing = FOLDER, ""
    else:
        session, item = _made(2_000 if held > 500 else held * 8)
        train = int(np.searchsorted(session, session[-1] * 4 // 5))
        test = _cases(session, train, len(session))
        where = folder or "no folder was given with --data"
        source, missing = "synthetic", f"{FOLDER}/events.parquet and test.parquet ({where})"
    last = session[train - 1] + 1
    cut = int(np.searchsorted(session, last - min(held, last // 8)))
    return Clicks(
        session, item, cut, train, _cases(session, cut, train), test, source, missing
    )  # fmt: skip


def _cases(session: NDArray[np.int64], begin: int, end: int) -> Cases:
    """Every prefix of the sessions of events [begin, end), in order."""
    here = session[begin:end]
    starts = begin + np.flatnonzero(np.diff(here, prepend=-1))
    first = np.concatenate([np.full(b - a - 1, a) for a, b in pairwise([*starts, end])])
    answer = np.concatenate([np.arange(a + 1, b) for a, b in pairwise([*starts, end])])
    return Cases(first, answer - first, answer)


def _made(sessions: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Walks: a group of 20 items, and from each item to one of the next three or back."""
    rng = np.random.default_rng(2)
    session, item = [], []
    for s in range(sessions):
        group, at = 20 * rng.zipf(1.5) % 2000, rng.integers(20)
        for _ in range(2 + rng.poisson(3)):
            session.append(s)
            item.append(group + at % 20)
            at += rng.choice([1, 2, 3, -1], p=[0.5, 0.2, 0.1, 0.2])
    return np.array(session, np.int64), np.array(item, np.int64)
