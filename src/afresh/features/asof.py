"""Point in time: features as they were, from the log.

The same kernels over the events before a moment, of the entities asked for alone. A slow
path, bounded in keys; live state is never touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    state = State(plan)
    sessions = _sessions(plan, log, names, as_of) if key == "user_id" else []
    for batch in _batches(plan, log, as_of):
        state.fold(_of(plan, batch, key, names, sessions, as_of))
    return Reader(state).values(key, names, features, as_of)


def _batches(plan: Plan, log: Log, as_of: int) -> Iterator[EventBatch]:
    for entry in log.between(max(as_of - plan.reach - 1, 0), as_of):
        if entry.held:
            yield decode_batch(entry.payload)


def _sessions(plan: Plan, log: Log, names: list[str], as_of: int) -> list[str]:
    """The sessions of which some event says that they are one of these users."""
    found: dict[str, None] = {}
    for batch in _batches(plan, log, as_of):
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
