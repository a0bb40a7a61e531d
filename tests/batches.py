"""Events of the model as batches of the log, and back, their columns made here by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tests.model import Event

from afresh.events.batch import NULL, EventBatch
from afresh.features.plan import Plan


def batch_of(plan: Plan, events: Sequence[Event]) -> EventBatch:
    """Events as the log has them, their columns made here by hand."""
    names = tuple(dict.fromkeys([e.name for e in plan.events] + [e.type for e in events]))
    columns = sorted({name for e in events for name, v in e.fields.items() if v is not None})
    is_text = {c: any(isinstance(e.fields.get(c), str) for e in events) for c in columns}
    texts = {
        "event_id": [e.id for e in events],
        "user_id": [e.user or "" for e in events],
        "item_id": [e.item or "" for e in events],
        "session_id": [e.session or "" for e in events],
    }
    texts |= {c: [str(e.fields.get(c) or "") for e in events] for c in columns if is_text[c]}
    numbers = {
        c: np.array([NULL if (v := e.fields.get(c)) is None else v for e in events], np.int64)
        for c in columns
        if not is_text[c]
    }
    scales = {source.name: source.places for source in plan.inputs}
    return EventBatch(
        n=len(events),
        types=names,
        type=np.array([names.index(e.type) for e in events], np.uint8),
        ts=np.array([e.ts for e in events], np.int64),
        texts={name: "\0".join(column).encode() for name, column in texts.items()},
        numbers=numbers,
        places={c: scales.get(c, _fallback_places(plan, c)) for c in numbers},
    )


def _fallback_places(plan: Plan, column: str) -> int:
    return next((s.places for s in plan.inputs if s.fallback == column), 0)


def events_of(batch: EventBatch) -> list[Event]:
    """A batch's events, for a batch that came through the door."""
    texts = {name: batch.strings(name) for name in batch.texts}
    out = []
    for i in range(batch.n):
        said = {name: column[i] or None for name, column in texts.items()}
        ids = [said.pop(name) for name in ("event_id", "user_id", "item_id", "session_id")]
        numbers = {name: int(column[i]) for name, column in batch.numbers.items()}
        fields = {**said, **{n: None if v == NULL else v for n, v in numbers.items()}}
        kind = batch.types[int(batch.type[i])]
        out.append(Event(str(ids[0]), kind, int(batch.ts[i]), *ids[1:], fields=fields))
    return out
