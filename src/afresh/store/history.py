"""History: what a user did last, with the ids, as every value of a user holds it.

It tells an event from the copy of one that the value reflects already.
"""

from __future__ import annotations

from typing import NamedTuple

from afresh.features.engines.embedded import State
from afresh.store.lagging import People

HOUR_MS = 3_600_000
"""How far ahead of its clock a door takes a timestamp; it lowers it to its own time then."""


class Witness(NamedTuple):
    """The histories of some owners, as of the places that `people` says."""

    state: State
    people: People


class Known:
    """What a user, or a session without one, did last, as a state has it."""

    def __init__(self, state: State, owner: bytes) -> None:
        plan = state.plan
        spec, kept = plan.sequences[plan.history], state.sequences[plan.history]
        number = state.parties.find_one(owner[1:].decode(), owner[:1])
        rows = kept.rows(state.facts, number, state.newest).tolist() if number >= 0 else []
        self.moments: dict[str, set[int]] = {}
        for row in rows:
            self.moments.setdefault(state.facts.event_id(row), set()).add(int(state.facts.ts[row]))
        self.since = state.newest - spec.within
        if len(rows) >= spec.n:
            self.since = max(self.since, int(state.facts.ts[rows[0]]))
        """Each event after it, UTC ms, is in the list."""

    def lacks(self, event_id: str, ts: int) -> bool | None:
        """Whether the event is none of those known; None: that cannot be said.

        A copy of it may have been lowered to up to an hour before.
        """
        if event_id in self.moments:
            return False if ts in self.moments[event_id] else None
        return True if ts - HOUR_MS > self.since else None
