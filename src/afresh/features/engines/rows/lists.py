"""The lists of a plan as rows know them: sequences, sessions and postings."""

from __future__ import annotations

from dataclasses import dataclass

from afresh.features.engines.rows.identity import postings_name, sequence_name, sessions_name
from afresh.features.plan import Plan

VISIT = "visit"
"""The key of sessions: an event's session, or else its owner."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A list: the last n events of each key, of some types, by (timestamp, event_id); none older
    than F - within is read. key: as the plan says it, or VISIT."""

    name: str
    key: str
    types: tuple[int, ...]
    n: int
    within: int


def lists_of(plan: Plan) -> list[Kept]:
    found = [
        Kept(sequence_name(plan, spec), spec.key, spec.types, spec.n, spec.within)
        for spec in plan.sequences
    ]
    p = plan.postings
    if p.types:
        found += [
            Kept(sessions_name(plan), VISIT, p.types, p.per_session, p.within),
            Kept(postings_name(plan), "item_id", p.types, p.per_item, p.within),
        ]
    return found
