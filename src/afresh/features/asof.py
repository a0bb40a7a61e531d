"""Point in time: features as they were, from the log.

The same kernels over the events before a moment, of the entities asked for alone. A slow
path, bounded in keys; live state is never touched.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from afresh.errors import BadRequest
from afresh.events.batch import EventBatch, decode_batch
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
    for entry in log.between(max(as_of - plan.reach - 1, 0), as_of):
        if entry.held:
            batch = _of(decode_batch(entry.payload), key, names, as_of)
            state.fold(batch)
    return Reader(state).values(key, names, features, as_of)


def _of(batch: EventBatch, key: str, names: list[str], as_of: int) -> EventBatch:
    """The events of the entities asked for, before the moment."""
    mask = batch.ts < as_of
    column = "user_id" if key == "user_id" else key
    wanted = Interner()
    wanted.intern("\0".join(names).encode(), len(names))
    if column in batch.texts:
        here = wanted.find(batch.texts[column], batch.n) >= 0
        if key == "user_id":
            sessions = [name[2:] for name in names if name.startswith("s:") and len(name) > 2]
            if sessions:
                anonymous = Interner()
                anonymous.intern("\0".join(sessions).encode(), len(sessions))
                nobody = np.array([not user for user in batch.strings("user_id")])
                here |= nobody & (anonymous.find(batch.texts["session_id"], batch.n) >= 0)
        mask &= here
    return batch.take(mask)
