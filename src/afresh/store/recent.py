"""Recent events over stored facts: what the store has not yet of somebody, folded on the fly.

An event counts once. Which events a value reflects is told by its place in the log; an event
behind that place may still be the copy of one before it, let in by two servers at once. The
history of its owner says whether it is; where that cannot tell, nothing is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import NULL
from afresh.features.canonical import facts_of
from afresh.features.engines.embedded import State
from afresh.features.from_facts import state_of
from afresh.features.plan import Feature, Plan
from afresh.store.history import Known, Witness
from afresh.store.lagging import People, Recent, Visits


def folded(
    state: State,
    asked: People | Visits,
    recent: Recent,
    features: Sequence[Feature],
    witness: Callable[[set[bytes]], Witness | None],
    horizon_ms: int,
) -> State | None:
    """The state of the entities asked for with their recent events folded in; None when that
    cannot be said for certain.

    state: as unpacked from their values, with what `features` read, its F no less than that of
    any event. witness: gives the histories of owners, None when it cannot. horizon_ms: D, the age
    up to which the doors admit.
    """
    batch, owners = recent.batch, recent.owners
    at = asked.touched(recent)
    later = (at >= 0) & (recent.offset >= asked.reached[at, recent.partition])
    first = _first_of_each_id(recent, horizon_ms)
    if first is None or asked.unclear(recent, later):
        return None
    wanted = types_read(state.plan, features)
    counts = np.array([name in wanted for name in batch.types], np.bool_)[batch.type]
    rows = np.flatnonzero(later & first & counts)
    met = {owner for owner, is_later in zip(owners, later.tolist(), strict=True) if is_later}
    if not len(rows):
        return _with_names(state, met)
    if not _plain(recent, state.plan, horizon_ms)[rows].all():
        return None
    touching = {owners[row] for row in rows.tolist()}
    told = witness(touching)
    if told is None:
        return None
    known = {owner: Known(told.state, owner) for owner in touching}
    people = told.people
    ids, fresh = batch.strings("event_id"), []
    for row in rows.tolist():
        owner, partition = owners[row], int(recent.partition[row])
        if people.reached[people.places[owner], partition] > recent.offset[row]:
            return None  # the history may hold the event itself
        is_new = known[owner].lacks(ids[row], int(batch.ts[row]))
        if is_new is None:
            return None
        if is_new:
            fresh.append(row)
    if not fresh:
        return _with_names(state, met)
    made = state_of(state.plan, state.newest, _facts(state))
    made.fold(batch.take(np.array(fresh, np.int64)))
    return _with_names(made, met | {state.parties.key(n) for n in range(len(state.parties))})


def _with_names(state: State, owners: set[bytes]) -> State:
    """The state, which knows these owners, though nothing may be kept of them: a user called
    `s:…` is not the session, and one without facts may have sessions that have some."""
    for owner in owners:
        state.parties.intern(owner[1:], 1, owner[:1])
    return state


def types_read(plan: Plan, features: Sequence[Feature]) -> set[str]:
    """The event types that some features look at."""
    codes: set[int] = set()
    for feature in features:
        reads = [*feature.reads, *([feature.session] if feature.session else [])]
        for read in reads:
            slots = plan.families[read.family].slots
            for at in (read.slot, *(read.touch or ())):
                codes.update(slots[at].types)
        if feature.distinct is not None:
            codes.update(plan.distincts[feature.distinct].types)
        if feature.sequence is not None:
            codes.update(plan.sequences[feature.sequence].types)
    return {plan.events[code].name for code in codes}


def _plain(recent: Recent, plan: Plan, horizon_ms: int) -> NDArray[np.bool_]:
    """Which events the history would hold, with their timestamps as sent, and live: bool[n]."""
    batch = recent.batch
    types = {plan.events[code].name for code in plan.sequences[plan.history].types}
    listed = np.array([name in types for name in batch.types], np.bool_)[batch.type]
    listed &= np.array([item != "" for item in batch.strings("item_id")], np.bool_)
    if batch.sent_ts is not None:
        listed &= batch.sent_ts == NULL
    plain: NDArray[np.bool_] = listed & (batch.ts >= recent.arrival - horizon_ms)
    return plain


def _first_of_each_id(recent: Recent, horizon_ms: int) -> NDArray[np.bool_] | None:
    """Which events are no copy of one before them here: bool[n]; None where an id came so late
    again that it may count again."""
    ids = recent.batch.strings("event_id")
    first = np.zeros(recent.batch.n, np.bool_)
    seen: dict[tuple[bytes, str], int] = {}
    for row in np.lexsort((recent.offset, recent.partition)).tolist():
        before = seen.setdefault((recent.owners[row], ids[row]), row)
        first[row] = before == row
        if abs(int(recent.arrival[row] - recent.arrival[before])) > horizon_ms:
            return None
    return first


def _facts(state: State) -> Iterator[list[Any]]:
    """The facts of a state that was unpacked: which session an event belonged to is not in the
    values, and nothing that is read of a user asks; it stands as the user's own."""
    for fact in facts_of(state):
        if fact[0] == "sequence":
            kind, at, key, events = fact
            owner = key if key[:2] in ("u:", "s:") else "s:"
            yield [kind, at, key, [[*event[:4], owner] for event in events]]
        else:
            yield fact
