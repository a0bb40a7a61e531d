"""Outcomes: what people did to items, read from the log once, and which of it becomes questions.

What a visitor does at one moment is one question, asked before the first of it: a basket's lines
share a stamp, and the order in which they were written says nothing. Each item of it is an answer,
as good as the weightiest thing that the visitor does to it within the attribution window: a look
that ends in a purchase is worth the purchase.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from afresh.events.batch import EventBatch, decode_batch
from afresh.features.columns import type_table
from afresh.features.plan import Plan
from afresh.log import Log

Progress = Callable[[str, int, int], None]
"""progress(stage, done, total)."""
WINDOW_MS = 30 * 60_000
"""The attribution window: how long after a question something still counts to it."""
REQUEST = "request_id"
"""The property by which an event may say which answer it followed from."""
LAST = 0.5
"""The share of the log's questions, its last ones, of which is chosen: before, the state is
younger than it is when it serves."""


@dataclass(slots=True)
class Outcomes:
    """n outcomes in the order of the log. entry: int64[n], the offset of the log's entry; row:
    int64[n], the event in its batch; ts: int64[n], UTC ms; who, item: uint64[n], hashes of names;
    weight: int64[n], of the event's type; session, request: uint64[n], hashes of the session and of
    the property `request_id`, where the event type declares one."""

    entry: NDArray[np.int64]
    row: NDArray[np.int64]
    ts: NDArray[np.int64]
    who: NDArray[np.uint64]
    item: NDArray[np.uint64]
    weight: NDArray[np.int64]
    session: NDArray[np.uint64]
    request: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.ts)


@dataclass(slots=True)
class Question:
    """Asked before event `row` of the entry at offset `entry`, whose time is ts, UTC ms. answers:
    the weight of what was done, by the hash of the item."""

    entry: int
    row: int
    ts: int
    answers: dict[int, int]


def hashes(names: list[str]) -> NDArray[np.uint64]:
    """A number for each name, the same throughout a process: uint64[n]."""
    return pl.Series(names, dtype=pl.String).hash(seed=1).to_numpy()


def read_outcomes(log: Log, plan: Plan, until: int, progress: Progress) -> Outcomes:
    """Every event before the offset `until` that has a weight, an item, and somebody who did it."""
    weights = np.array([event.weight for event in plan.events] + [0], np.int64)
    parts: list[tuple[NDArray[np.int64], ...]] = []
    named: list[tuple[NDArray[np.uint64], ...]] = []
    for entry in log.read(0, until):
        if entry.kind != "events" or not entry.held:
            continue
        batch = decode_batch(entry.payload)
        kinds = type_table(batch.types, plan)[batch.type]
        weight = weights[np.minimum(kinds, len(plan.events))]
        who, items = owners(batch), batch.strings("item_id")
        rows = np.flatnonzero(weight > 0)
        rows = rows[[bool(items[r] and who[r]) for r in rows.tolist()]] if len(rows) else rows
        parts.append((np.full(len(rows), entry.offset), rows, batch.ts[rows], weight[rows]))
        sessions = [f"s:{name}" for name in batch.strings("session_id")]
        texts = (who, items, sessions, batch.strings(REQUEST))
        named.append(tuple(hashes(text)[rows] for text in texts))
        progress("outcomes", entry.end, until)
    if not parts:
        nothing, nobody = np.empty(0, np.int64), np.empty(0, np.uint64)
        return Outcomes(nothing, nothing, nothing, nobody, nobody, nothing, nobody, nobody)
    entry_, row, ts, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    owner, item, session, request = (np.concatenate(c) for c in zip(*named, strict=True))
    return Outcomes(entry_, row, ts, owner, item, weight, session, request)


def owners(batch: EventBatch) -> list[str]:
    """Whose each event is: the user's name, or else the session's; "" of nobody."""
    both = zip(batch.strings("user_id"), batch.strings("session_id"), strict=True)
    return [f"u:{user}" if user else f"s:{session}" if session else "" for user, session in both]


def sampled(outcomes: Outcomes, n: int, seed: int) -> list[Question]:
    """At most n questions of the last ones, in the order of the log; equal for an equal seed."""
    if not len(outcomes):
        return []
    asked = pl.DataFrame({"who": outcomes.who, "ts": outcomes.ts}).with_row_index("at")
    groups = asked.group_by("who", "ts", maintain_order=True).agg(pl.col("at"))
    first = groups["at"].list.first().to_numpy().astype(np.int64)
    late = np.flatnonzero(first >= int(len(outcomes) * (1 - LAST)))
    if len(late) > n:
        late = np.sort(np.random.default_rng(seed).choice(late, n, replace=False))
    members = groups["at"].gather(late).to_list()
    return [_question(outcomes, rows) for rows in _attributed(outcomes, members)]


def _attributed(outcomes: Outcomes, members: list[list[int]]) -> list[list[tuple[int, int]]]:
    """Each question's rows, with the greatest weight that the same person gave the same item
    within the window: pairs of a row and a weight."""
    flat = np.array([row for rows in members for row in rows], np.int64)
    best = greatest_within(outcomes, flat, WINDOW_MS)
    at, out = 0, []
    for rows in members:
        out.append(list(zip(rows, best[at : at + len(rows)].tolist(), strict=True)))
        at += len(rows)
    return out


def greatest_within(outcomes: Outcomes, rows: NDArray[np.int64], window: int) -> NDArray[np.int64]:
    """Of each row the greatest weight among the outcomes of the same person and item whose time is
    from its own to `window` ms later, both inclusive: int64[len(rows)]."""
    order = np.lexsort((outcomes.ts, outcomes.item, outcomes.who))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    out = outcomes.weight[rows].copy()
    who, item, ts, weight = (
        column[order] for column in (outcomes.who, outcomes.item, outcomes.ts, outcomes.weight)
    )
    for step in (1, -1):  # those of one moment may stand on either side
        at, going = place[rows] + step, np.arange(len(rows))
        while len(going):
            inside = (at >= 0) & (at < len(order))
            going, at = going[inside], at[inside]
            mine = place[rows[going]]
            same = (who[at] == who[mine]) & (item[at] == item[mine])
            passed = ts[at] - ts[mine]
            same &= (passed >= 0) & (passed <= window)
            going, at = going[same], at[same]
            np.maximum.at(out, going, weight[at])
            at = at + step
    return out


def _question(outcomes: Outcomes, rows: list[tuple[int, int]]) -> Question:
    first, answers = rows[0][0], dict[int, int]()
    for row, weight in rows:
        item = int(outcomes.item[row])
        answers[item] = max(answers.get(item, 0), weight)
    return Question(
        int(outcomes.entry[first]), int(outcomes.row[first]), int(outcomes.ts[first]), answers
    )
