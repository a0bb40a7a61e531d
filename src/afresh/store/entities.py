"""Entities: whose values there are to write, by key field and number of a state."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import EventBatch
from afresh.features.columns import group_rows, number_rows
from afresh.features.engines.embedded import SESSION, USER, State

Numbers = NDArray[np.int64]


def entities_of(state: State, batch: EventBatch) -> dict[str, Numbers]:
    """The entities whose facts a batch touched that the state has folded: int64[n] a key field,
    -1 for none and for those that are forgotten."""
    users = state.parties.find(batch.texts["user_id"], batch.n, USER)
    named = state.parties.find(batch.texts["session_id"], batch.n, SESSION)
    found = {
        "item_id": state.items.find(batch.texts["item_id"], batch.n),
        "user_id": np.where(users >= 0, users, named),
        "session_id": named,
    }
    groups = group_rows(batch, state.plan, number_rows(batch, state.plan), state.groups)
    texts = {state.plan.inputs[at].name: groups[at] - 1 for at in state.groups}
    return texts | found


def with_facts(state: State, key: str) -> Numbers:
    """Every entity of a key field of which a state holds facts, and every user: int64[n]."""
    names = state.names(key)
    living = np.zeros(len(names), np.bool_)
    held = [t.blocks for t in state.tiles if t.family.key == key]
    held += [s.blocks for s in state.sketches if s.spec.key == key]
    pairs = zip(state.plan.sequences, state.sequences, strict=True)
    held += [kept.blocks for spec, kept in pairs if spec.key == key]
    for blocks in held:
        known = min(len(living), len(blocks.heads))
        living[:known] |= blocks.heads[:known, 1] > 0
    if key == "user_id":
        living |= names.arena[names.begin[: len(names)]] == USER[0]
    return np.flatnonzero(living)


def with_linked(state: State, key: str, numbers: Numbers) -> Numbers:
    """These entities and the other users of their sessions: whose a session is depends on all
    who were named, and each of them keeps all its links."""
    if key != "user_id" or not len(state.links):
        return numbers
    others: set[str] = set()
    for number in numbers.tolist():
        party = state.parties.key(number)
        if party[:1] == USER:
            user = party[1:].decode()
            others |= {link.user for link in state.links.around(user)} - {user}
    found = state.parties.find_texts(sorted(others), USER)
    return np.union1d(numbers, found[found >= 0])
