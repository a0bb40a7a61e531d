"""Recent events over stored facts: what the store has not yet of some people, folded on the fly.

An event counts once. Which events a value reflects is told by its place in the log; an event
behind that place may still be the copy of one before it, let in by two servers at once. The list
of what each user did last, which every value of a user holds, says whether it is; where that list
cannot tell, nothing is answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import NULL, EventBatch
from afresh.events.schema import IDENTIFY
from afresh.features.canonical import facts_of
from afresh.features.engines.embedded import SESSION, USER, State
from afresh.features.from_facts import state_of
from afresh.features.plan import Feature, Plan
from afresh.log.kafka.partition import partitions_of

HOUR_MS = 3_600_000
"""How far ahead of its clock a door takes a timestamp; it lowers it to its own time then."""


class Stretch(NamedTuple):
    """Offsets [first, past) of a partition."""

    first: int
    past: int


@dataclass(slots=True)
class Recent:
    """Events as they stand in some stretches of the log, those of a partition in its order.

    partition, offset, arrival: int64[n]; arrival by the brokers' clock, UTC ms.
    """

    batch: EventBatch
    partition: NDArray[np.int64]
    offset: NDArray[np.int64]
    arrival: NDArray[np.int64]


class People:
    """The users and sessions of one question, and up to where in the log each is known.

    entities: as the store names them, linked sessions among them; reached int64[entities,
    partitions], of the partitions that hold events; linked: whether any session is a user's.
    """

    def __init__(
        self, entities: Sequence[bytes], reached: NDArray[np.int64], *, linked: bool
    ) -> None:
        self.reached, self.linked = reached, linked
        self.partitions = reached.shape[1]
        self.places = {entity: at for at, entity in enumerate(entities)}
        keys = b"\0".join(entity[:1] + b":" + entity[1:] for entity in entities)
        self.home = partitions_of(keys, len(entities), self.partitions)

    def missing(self, wanted: Sequence[int]) -> dict[int, Stretch]:
        """The stretches that must be read for all of them to reflect `wanted`, by partition.

        The events of an owner stand in one partition. But whose a session is may be said in any
        user's, so where sessions are linked, every partition counts.
        """
        found: dict[int, Stretch] = {}
        for partition in range(self.partitions):
            mine = np.ones(len(self.home), np.bool_) if self.linked else self.home == partition
            first = int(self.reached[mine, partition].min(initial=wanted[partition]))
            if first < wanted[partition]:
                found[partition] = Stretch(first, wanted[partition])
        return found


def folded(
    state: State,
    people: People,
    recent: Recent,
    features: Sequence[Feature],
    horizon_ms: int,
) -> State | None:
    """The state of these people with their recent events folded in; None when that cannot be said
    for certain.

    state: as unpacked from the values of `people`, with what `features` read and the history in
    it, its F no less than that of any event. horizon_ms: D, the age up to which the doors admit.
    """
    owners = _owners(recent.batch)
    at = np.array([people.places.get(owner, -1) for owner in owners], np.int64)
    later = recent.offset >= people.reached[at, recent.partition]
    mine = (at >= 0) & later
    if _links(people, recent, at, mine):
        return None
    rows = np.flatnonzero(mine)
    arrival = recent.arrival[rows]
    if len(rows) and int(arrival.max() - arrival.min()) > horizon_ms:
        return None  # an id may have been used again
    rows = _first_of_each_id(recent, owners, rows)
    batch = recent.batch
    wanted = types_read(state.plan, features)
    touching = [row for row in rows.tolist() if batch.types[batch.type[row]] in wanted]
    known = {owner: Known(state, owner) for owner in {owners[row] for row in touching}}
    plain = _plain(recent, state.plan, horizon_ms)
    ids, fresh = batch.strings("event_id"), []
    for row in touching:
        is_new = known[owners[row]].lacks(ids[row], int(batch.ts[row])) if plain[row] else None
        if is_new is None:
            return None
        if is_new:
            fresh.append(row)
    if not fresh:
        return state
    made = state_of(state.plan, state.newest, _facts(state))
    made.fold(batch.take(np.array(fresh, np.int64)))
    return made


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


def _links(people: People, recent: Recent, at: NDArray[np.int64], mine: NDArray[np.bool_]) -> bool:
    """Whether somebody turned out to be one of these users, or one of their sessions somebody."""
    said = recent.batch.of_type(IDENTIFY.name)
    if (said & mine).any():
        return True
    if not people.linked or not said.any():
        return False
    sessions = recent.batch.strings("session_id")
    return any(
        SESSION + sessions[row].encode() in people.places for row in np.flatnonzero(said).tolist()
    )


def _first_of_each_id(
    recent: Recent, owners: Sequence[bytes], rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    ids, first = recent.batch.strings("event_id"), dict[tuple[bytes, str], int]()
    for row in rows[np.lexsort((recent.offset[rows], recent.partition[rows]))].tolist():
        first.setdefault((owners[row], ids[row]), row)
    return np.array(sorted(first.values()), np.int64)


def _owners(batch: EventBatch) -> list[bytes]:
    pairs = zip(batch.strings("user_id"), batch.strings("session_id"), strict=True)
    return [USER + user.encode() if user else SESSION + visit.encode() for user, visit in pairs]


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
