"""Warming: the kernels of packing and unpacking, run once before anybody waits for them."""

from __future__ import annotations

from afresh.features.engines.embedded import SESSION, State
from afresh.features.plan import Plan
from afresh.features.reading import Reader
from afresh.store.entities import with_linked
from afresh.store.fetched import Values
from afresh.store.pack import pack
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
