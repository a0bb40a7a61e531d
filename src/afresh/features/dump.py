"""A state as named arrays and back: what a snapshot holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from afresh.features.engines.embedded import State

Arrays = dict[str, NDArray[np.generic]]


def parts_of(state: State) -> dict[str, Any]:
    """Everything in a state that has `dump` and `restore`, by name."""
    parts: dict[str, Any] = {
        "items": state.items,
        "parties": state.parties,
        "facts": state.facts,
        "links": state.links,
        "sessions": state.sessions.blocks,
        "postings": state.postings.blocks,
    }
    parts |= {f"group.{at}": interner for at, interner in state.groups.items()}
    parts |= {f"tiles.{at}": tiles.blocks for at, tiles in enumerate(state.tiles)}
    parts |= {f"sequence.{at}": lists.blocks for at, lists in enumerate(state.sequences)}
    parts |= {f"distinct.{at}": sketches.blocks for at, sketches in enumerate(state.sketches)}
    return parts


def dump_state(state: State) -> tuple[dict[str, Any], Arrays]:
    """Small values and arrays. The arrays are views: copy or write them before the next fold."""
    arrays = {
        f"{part}/{name}": array
        for part, holder in parts_of(state).items()
        for name, array in holder.dump().items()
    }
    facts = {
        "newest": state.newest,
        "events": state.events,
        "facts_kept": state.facts_kept,
        "names_kept": state.names_kept,
    }
    return facts, arrays


def restore_state(state: State, facts: dict[str, Any], arrays: Arrays) -> None:
    """Fill an empty state of the same plan."""
    state.newest, state.events = facts["newest"], facts["events"]
    state.facts_kept, state.names_kept = facts["facts_kept"], facts["names_kept"]
    for part, holder in parts_of(state).items():
        mine = {n.split("/", 1)[1]: a for n, a in arrays.items() if n.split("/", 1)[0] == part}
        holder.restore(mine)
