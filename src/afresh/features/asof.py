"""Point in time: features as they were, from the log.

The same kernels over the events before a moment, of the entities asked for alone; live state is
never touched. `states_as_of` goes through many moments in one pass over the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from afresh.errors import BadRequest
from afresh.events.batch import EventBatch, decode_batch
from afresh.events.schema import IDENTIFY
from afresh.features.engines.embedded import State
from afresh.features.interning import Interner
from afresh.features.plan import Feature, Plan
from afresh.features.reading import Reader, Value
from afresh.log import Log

MAX_KEYS = 10_000


def features_as_of(
    plan: Plan, log: Log, key: str, names: list[str], features: Sequence[Feature], as_of: int
) -> list[dict[str, Value]]:
    """One row an entity, over the events with timestamp < as_of (UTC ms), wherever they
    stand in the log. Raises BadRequest for too many entities."""
    if len(names) > MAX_KEYS:
        raise BadRequest(
            f"`as_of` reads the log for {len(names):,} entities; {MAX_KEYS:,} are allowed.",
            hint="Ask in several requests.",
            path="$.keys",
        )
    (state,) = states_as_of(plan, log, key, names, [as_of])
    return Reader(state).values(key, names, features, as_of)


def states_as_of(
    plan: Plan, log: Log, key: str, names: list[str], moments: Sequence[int]
) -> Iterator[State]:
    """One state of some entities, folded on from each moment to the next: as it stood then.

    moments: UTC ms, ascending. Each time it is yielded, exactly the events before that moment are
    in it. Holds the events of these entities from the first moment's reach to the last moment.
    """
    if not moments:
        return
    first, last = moments[0], moments[-1]
    sessions = _sessions(plan, log, names, first, last) if key == "user_id" else []
    found = (_of(plan, b, key, names, sessions, last) for b in _batches(plan, log, first, last))
    batches = [batch.take(np.argsort(batch.ts, kind="stable")) for batch in found if batch.n]
    waiting = [(int(batch.ts[0]), number, 0) for number, batch in enumerate(batches)]
    heapify(waiting)
    state = State(plan)
    for moment in moments:
        while waiting and waiting[0][0] < moment:
            _, number, at = heappop(waiting)
            batch = batches[number]
            end = int(np.searchsorted(batch.ts, moment))
            state.fold(batch.take(np.arange(at, end)))
            if end < batch.n:
                heappush(waiting, (int(batch.ts[end]), number, end))
        yield state


def _batches(plan: Plan, log: Log, first: int, last: int) -> Iterator[EventBatch]:
    for entry in log.between(max(first - plan.reach - 1, 0), last):
        if entry.held:
            yield decode_batch(entry.payload)


def _sessions(plan: Plan, log: Log, names: list[str], first: int, last: int) -> list[str]:
    """The sessions of which some event says that they are one of these users."""
    found: dict[str, None] = {}
    for batch in _batches(plan, log, first, last):
        identifies = batch.of_type(IDENTIFY.name)
        if identifies.any():
            said = batch.take(identifies & _has(batch, "user_id", names))
            found |= dict.fromkeys(said.strings("session_id"))
    return list(found)


def _of(
    plan: Plan, batch: EventBatch, key: str, names: list[str], linked: list[str], as_of: int
) -> EventBatch:
    """The events of the entities asked for, before the moment; linked: their sessions."""
    here = _has(batch, key, names)
    if key == "user_id":
        # Who came first may be somebody else.
        here |= batch.of_type(IDENTIFY.name) & _has(batch, "session_id", linked)
        sessions = [*linked, *(name[2:] for name in names if name.startswith("s:"))]
        nobody = np.array([not user for user in batch.strings("user_id")], np.bool_)
        here |= nobody & _has(batch, "session_id", sessions)
    for source in plan.inputs:
        if source.name == key and source.fallback is not None:
            here |= _has(batch, source.fallback, names)
    return batch.take(here & (batch.ts < as_of))


def _has(batch: EventBatch, column: str, names: list[str]) -> NDArray[np.bool_]:
    """Which events have one of the names in a text column: bool[n]."""
    wanted = Interner()
    kept = [name for name in names if name and "\0" not in name]
    wanted.intern("\0".join(kept).encode("utf-8", "surrogatepass"), len(kept))
    if column not in batch.texts:
        return np.zeros(batch.n, np.bool_)
    return wanted.find(batch.texts[column], batch.n) >= 0
