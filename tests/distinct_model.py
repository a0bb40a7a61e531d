"""The part of the model that counts distinct values, from sets of whole values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from afresh.features.plan import Distinct, Feature

if TYPE_CHECKING:
    from tests.model import Event, Model


def hashed(model: Model, event: Event, spec: Distinct) -> int | None:
    """64 bits of SHA-256 of an event's value; of people with a letter before the name."""
    if spec.input is not None:
        value = model.column(event, spec.input)
    else:
        value = model.key(event, spec.value)
        if value is not None and spec.value != "item_id":
            value = value[0] + value[2:]
    said = None if value is None else hashlib.sha256(str(value).encode()).digest()
    return None if said is None else int.from_bytes(said[:8], "big")


def told(model: Model, events: Iterable[Event], spec: Distinct) -> list[tuple[Event, int]]:
    """The events that count, with their hashes."""
    here = [e for e in events if model.codes.get(e.type, -1) in spec.types]
    pairs = [(e, hashed(model, e, spec)) for e in here]
    return [(e, value) for e, value in pairs if value is not None]


def distinct_values(
    model: Model, feature: Feature, mine: Sequence[Event], window: tuple[int, int]
) -> float:
    """How many values an entity's events in [start, end) have; from k on an estimate."""
    assert feature.distinct is not None
    spec, (start, end) = model.plan.distincts[feature.distinct], window
    hashes = {value for e, value in told(model, mine, spec) if start <= e.ts < end}
    if len(hashes) < spec.k:
        return float(len(hashes))
    return float(round((spec.k - 1) * 2.0**64 / float(sorted(hashes)[spec.k - 1])))


def sketches(model: Model) -> Iterable[list[object]]:
    """The facts: the k least hashes of each key and tile."""
    for at, spec in enumerate(model.plan.distincts):
        cells: dict[tuple[str, int], set[int]] = {}
        for event, value in told(model, model.events, spec):
            key, tile = model.key(event, spec.key), event.ts // spec.width
            alive = (tile + 1) * spec.width > model.newest - spec.reach
            if key is not None and alive:
                cells.setdefault((key, tile), set()).add(value)
        for (key, tile), hashes in cells.items():
            yield ["distinct", at, key, tile, sorted(hashes)[: spec.k]]
