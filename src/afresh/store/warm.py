"""Warming: the kernels of packing, unpacking and folding over, run once before anybody waits."""

from __future__ import annotations

import numpy as np

from afresh.events.batch import EventBatch
from afresh.features.engines.embedded import SESSION, USER, State
from afresh.features.plan import Plan
from afresh.features.reading import Reader
from afresh.log.kafka.wire import Wire
from afresh.store.entities import with_linked
from afresh.store.fetched import Values
from afresh.store.history import HOUR_MS, Witness
from afresh.store.lagging import People, Recent
from afresh.store.pack import pack
from afresh.store.recent import folded
from afresh.store.unpack import unpacked
from afresh.store.value import Head, Keys, keys_of


def warm(plan: Plan) -> None:
    """Pack one entity without facts of each key field, unpack it, read all its features."""
    state, keys, head = State(plan), Keys("", plan), Head(0, "", [0], 0)
    for key in keys_of(plan):
        names = state.names(key)
        numbers = names.intern(b"a", 1, SESSION if names.prefixed else b"\0")
        puts = pack(state, key, with_linked(state, key, numbers), head, keys)
        entities = [put.key.rpartition(b":")[2] for put in puts]
        values = Values(plan, key, 0, entities, [put.value for put in puts])
        reader = Reader(unpacked(values, 0, State(plan)))
        for feature in plan.features:
            if feature.key == key:
                reader.values(key, ["a", "s:a"], [feature], 1)


def warm_recent(plan: Plan, wire: Wire) -> None:
    """Read an event of one user as a message, and fold it over the facts of another."""
    types = plan.sequences[plan.history].types
    if not types:
        return
    state, one = State(plan), np.ones(1, np.int64)
    for name, ts in (b"a", 2 * HOUR_MS), (b"b", 4 * HOUR_MS):
        texts = {"event_id": name, "user_id": b"a", "item_id": b"a", "session_id": b""}
        kind = np.array(types[:1], np.uint8)
        batch, _ = wire.decode(wire.encode(EventBatch(1, wire.types, kind, ts * one, texts)))
        if not state.events:
            state.fold(batch)
    people = People([USER + b"a"], np.zeros((1, 2), np.int64), linked=False)
    recent = Recent(batch, 0 * one, one, batch.ts)
    features = [feature for feature in plan.features if feature.key == "user_id"]
    folded(state, people, recent, features, lambda _: Witness(state, people), 0)
