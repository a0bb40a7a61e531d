"""Lagging: what values do not reflect yet, and what the log has of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import EventBatch
from afresh.events.schema import IDENTIFY
from afresh.features.engines.embedded import SESSION, USER
from afresh.log.kafka.partition import partitions_of


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
    owners: list[bytes] = field(init=False)
    """Whose each event is, as the store names users and sessions."""

    def __post_init__(self) -> None:
        users, sessions = self.batch.strings("user_id"), self.batch.strings("session_id")
        self.owners = [
            USER + user.encode() if user else SESSION + session.encode()
            for user, session in zip(users, sessions, strict=True)
        ]


class People:
    """The users, and sessions without one, of a question, and up to where in the log each is known.

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

    def touched(self, recent: Recent) -> NDArray[np.int64]:
        """Which of them each event is of: int64[n], -1 for none."""
        return np.array([self.places.get(owner, -1) for owner in recent.owners], np.int64)

    def unclear(self, recent: Recent, later: NDArray[np.bool_]) -> bool:
        """Whether somebody turned out to be one of these users, or one of their sessions somebody;
        later bool[n]: the events that they do not reflect."""
        said = recent.batch.of_type(IDENTIFY.name)
        if (said & later).any():
            return True
        if not self.linked:
            return False
        sessions = recent.batch.strings("session_id")
        rows = np.flatnonzero(said).tolist()
        return any(SESSION + sessions[row].encode() in self.places for row in rows)


class Visits:
    """The sessions of a question by `session_id`, as `People`: a session's events are in the
    partitions of all who were in it. head: where every value is, by partition."""

    def __init__(
        self, entities: Sequence[bytes], reached: NDArray[np.int64], head: Sequence[int]
    ) -> None:
        self.reached, self.head = reached, head
        self.places = {entity: at for at, entity in enumerate(entities)}

    def missing(self, wanted: Sequence[int]) -> dict[int, Stretch]:
        """From the head on, since that is how far the histories of the owners may be."""
        least = self.reached.min(axis=0, initial=np.iinfo(np.int64).max).tolist()
        pairs = enumerate(zip(least, self.head, wanted, strict=False))
        return {p: Stretch(head, past) for p, (first, head, past) in pairs if first < past}

    def touched(self, recent: Recent) -> NDArray[np.int64]:
        sessions = recent.batch.strings("session_id")
        return np.array([self.places.get(name.encode(), -1) for name in sessions], np.int64)

    def unclear(self, recent: Recent, later: NDArray[np.bool_]) -> bool:
        """A session's own features are the same, whoever it is."""
        return False
