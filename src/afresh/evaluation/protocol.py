"""Protocols: which events are questions, and what is folded before they are asked.

- `time`: test-then-learn (prequential: Gama, Sebastião, Rodrigues, Machine Learning 2013). Each
  event after the warm-up is asked for, then learned.
- `last`: leave one out. Each visitor's last event is asked for when all others are folded.
- `split`: the rows that the file marks are asked for, the others being folded.

What learns online learns from the questions of a part of its own, which come before the first that
is judged and are asked under the same conditions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from afresh.errors import BadRequest
from afresh.evaluation.stream import Rows, Stream
from afresh.evaluation.wanted import Wanted
from afresh.problems import suggest


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of questions. first: rows that are folded before the first of them, rising;
    groups: numbers of the groups that are asked, rising; judged: whether what is shown counts,
    or is only learned from; moves: whether the state follows the stream meanwhile."""

    first: Rows
    groups: Rows
    judged: bool
    moves: bool


def parts_of(stream: Stream, wanted: Wanted) -> list[Part]:
    """The parts, in the order in which they are asked. Raises BadRequest when none is left."""
    rows = np.arange(len(stream))
    counts = stream.counts & targets_of(stream, wanted)
    if wanted.protocol == "last":
        parts = _last(stream, wanted, rows, counts)
    else:
        asked = stream.marked if wanted.protocol == "split" else rows >= _begin(stream, wanted)
        begin = int(np.flatnonzero(asked)[0]) if asked.any() else len(stream)
        moves = wanted.model_lag is not None and wanted.protocol == "time"
        learn = max(begin - wanted.learn, 0)
        before = ~asked if wanted.protocol == "split" else rows < begin
        learned = before & (rows >= learn)
        parts = [
            Part(rows[before & (rows < learn)], _groups(stream, learned & counts), False, moves),
            Part(rows[before], _groups(stream, asked & counts), True, moves),
        ]
    parts = [replace(part, groups=_asked(stream, part, wanted)) for part in parts]
    if not len(parts[-1].groups):
        raise BadRequest("The file has no event to ask for.", hint=_HINTS[wanted.protocol])
    return parts


_HINTS = {
    "time": "Give a smaller --warm-up.",
    "last": "A visitor needs two events at least.",
    "split": "No row has the value that --test names.",
}


def _begin(stream: Stream, wanted: Wanted) -> int:
    """The first row asked for: no group is cut."""
    begin = int(wanted.warm_up * len(stream))
    same = np.flatnonzero(stream.stamp == stream.stamp[min(begin, len(stream) - 1)])
    return int(same[0]) if len(same) and begin < len(stream) else begin


def targets_of(stream: Stream, wanted: Wanted) -> NDArray[np.bool_]:
    """bool[n]: which events are of a type that is asked for."""
    if not wanted.target:
        return np.ones(len(stream), np.bool_)
    types = stream.batch.types
    for name in wanted.target:
        if name not in types:
            hint = suggest(name, types)
            raise BadRequest(f"There is no type of event {name!r}.", hint=hint)
    return np.isin(stream.batch.type, [types.index(name) for name in wanted.target])


def _last(stream: Stream, wanted: Wanted, rows: Rows, counts: NDArray[np.bool_]) -> list[Part]:
    asked = rows[counts]
    order = asked[np.argsort(stream.person[asked], kind="stable")]
    ends = np.flatnonzero(np.diff(stream.person[order], append=-1))
    sizes = np.diff(ends, prepend=-1)
    last = np.unique(stream.group[order[ends[sizes > 1]]])
    before = np.setdiff1d(stream.group[order[ends[sizes > 2] - 1]], last)
    learned = before[: 0 if not wanted.learn else None]
    if len(learned) > wanted.learn:
        rng = np.random.default_rng(wanted.seed)
        learned = rng.choice(learned, wanted.learn, replace=False)
    known = rows[~np.isin(stream.group, last)]
    return [
        Part(known[~np.isin(stream.group[known], learned)], np.sort(learned), False, False),
        Part(known, last, True, False),
    ]


def _groups(stream: Stream, rows: NDArray[np.bool_]) -> Rows:
    return np.unique(stream.group[rows])


def _asked(stream: Stream, part: Part, wanted: Wanted) -> Rows:
    """The part's groups of visitors of whom enough is known, and a sample of those judged."""
    groups = part.groups
    if wanted.least:
        _, first = np.unique(stream.group, return_index=True)
        order = np.argsort(stream.session, kind="stable")
        so_far: Rows = np.cumsum(stream.counts[order]) - stream.counts[order]
        begins = np.flatnonzero(np.diff(stream.session[order], prepend=-1))
        lengths = np.diff([*begins.tolist(), len(order)])
        known = np.empty(len(order), np.int64)
        known[order] = so_far - np.repeat(so_far[begins], lengths)
        groups = groups[known[first[groups]] >= wanted.least]
    if not part.judged or wanted.sample is None or wanted.sample >= len(groups):
        return groups
    rng = np.random.default_rng(wanted.seed)
    return np.sort(rng.choice(groups, wanted.sample, replace=False))
