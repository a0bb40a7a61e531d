"""Forgetting names: users, sessions and items of whom nothing is left.

Facts die by reach, but their names would stay for ever; a shop sees millions of sessions.
Once the dead outnumber the living, names are numbered anew. Only the process's own
numbers change: no read and no canonical form does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State
from afresh.features.interning import Interner

SLACK = 50_000
"""Dead names that are tolerated beside as many dead as living."""


def forget_names(state: State, held: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """After a sweep: drop dead users, sessions and items where they outnumber the living.

    held bool[items]: items with a record in the catalogue, which stay. Returns the new number
    of each old item, -1 where it was forgotten; None when items stay as they are.
    """
    facts = state.facts
    parties = _living(state, state.parties)
    parties[facts.session[: facts.used]] = True
    if _worthwhile(parties):
        moved = _keep(state, state.parties, parties)
        facts.session[: facts.used] = moved[facts.session[: facts.used]]
    items = _living(state, state.items)
    items[facts.item[: facts.used]] = True
    items[: len(held)] |= held[: len(items)]
    if not _worthwhile(items):
        return None
    moved = _keep(state, state.items, items)
    facts.item[: facts.used] = moved[facts.item[: facts.used]]
    return moved


def _living(state: State, names: Interner) -> NDArray[np.bool_]:
    """bool[names]: the keys that have a list with something in it."""
    living = np.zeros(len(names), np.bool_)
    for blocks in state.keyed(names):
        known = min(len(living), len(blocks.heads))
        living[:known] |= blocks.heads[:known, 1] > 0
    return living


def _worthwhile(living: NDArray[np.bool_]) -> bool:
    alive = int(np.count_nonzero(living))
    return len(living) - alive > alive + SLACK


def _keep(state: State, names: Interner, living: NDArray[np.bool_]) -> NDArray[np.int64]:
    numbers = np.flatnonzero(living)
    for blocks in state.keyed(names):
        blocks.keep(numbers)
    for hashes in state.hashes.values():
        if hashes.names is names:
            hashes.clear()
    moved = names.keep(numbers)
    if state.touched is not None:
        fields = [key for key in state.touched.keys if state.names(key) is names]
        state.touched.renumber(fields, moved)
    return moved
