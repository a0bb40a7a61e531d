"""Admission: the door's verdict, given once, in the order of the log.

What passes is what the log contains: too old, too far ahead, twice, twice with other
content are settled here, and the catalogue's fields by which some
feature splits are written into the event with the value in force now.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import NULL, EventBatch
from afresh.events.duplicates import CONFLICT, DUPLICATE, NEW, Duplicates
from afresh.events.hashing import hash_content, hash_ids
from afresh.events.schema import IDENTIFY
from afresh.events.verdict import Rejection

HOUR_MS = 3_600_000


class CatalogColumns(Protocol):
    """Gives the catalogue's fields of items as columns of an event batch."""

    def write_into(self, batch: EventBatch) -> None:
        """Add `item.<field>` columns for the batch's items, null where an item is unknown."""


@dataclass(slots=True)
class Admitted:
    """What one call let in. rows: places of the admitted events among those given: int64[k].

    ids: uint64[2, k], to be forgotten if the log refuses the batch. late: refused events
    that go to the late stream, as (timestamp, JSON).
    """

    batch: EventBatch
    rows: NDArray[np.int64]
    ids: NDArray[np.uint64]
    duplicates: NDArray[np.int64]
    rejected: list[Rejection]
    late: list[tuple[int, bytes]]


class Admission:
    """The door's state: the ids it remembers and its clock, which never runs backwards.

    horizon_ms: D, the age up to which live events are admitted. linked: the user that a session
    is known to be.
    """

    def __init__(
        self,
        catalog: CatalogColumns,
        *,
        horizon_ms: int = 24 * HOUR_MS,
        linked: Callable[[str], str | None] = lambda session: None,
    ) -> None:
        self.catalog = catalog
        self.linked = linked
        self.horizon_ms = horizon_ms
        self.seeds = np.array([secrets.randbits(64) for _ in range(3)], np.uint64)
        self.known = Duplicates(horizon_s=-(-(horizon_ms + HOUR_MS) // 1000) + 1)
        self.clock = 0
        self._linking: dict[str, str] = {}
        """Users of sessions whose identify was admitted and may not be folded yet."""

    def admit(self, batch: EventBatch, now: int) -> Admitted:
        """Judge a batch that arrived at `now` (server's clock, ms)."""
        self.clock = now = max(now, self.clock)
        ahead = batch.ts > now + HOUR_MS
        old = batch.ts < now - self.horizon_ms
        rejected = [_ahead(batch, i, now) for i in np.flatnonzero(ahead).tolist()]
        rejected += [_too_late(batch, i, self.horizon_ms) for i in np.flatnonzero(old).tolist()]
        late = _as_sent(batch, np.flatnonzero(old))
        outside = ahead | old
        taken = self._taken(batch, ~outside)
        rejected += [_linked(i) for i in np.flatnonzero(taken).tolist()]
        rows = np.flatnonzero(~(outside | taken))
        kept = batch if len(rows) == batch.n else batch.take(rows)
        ids = hash_ids(kept, self.seeds)
        verdict = self.known.admit(ids, hash_content(kept, self.seeds), now)
        duplicates = rows[verdict == DUPLICATE]
        rejected += [_conflict(int(i)) for i in rows[verdict == CONFLICT]]
        second = self._link(kept, verdict == NEW)
        if second.any():
            self.known.forget(ids[:, second])
            rejected += [_linked(i) for i in rows[second].tolist()]
        if verdict.any() or second.any():
            new = np.flatnonzero((verdict == NEW) & ~second)
            kept, rows, ids = kept.take(new), rows[new], ids[:, new]
        lower_timestamps(kept, now)
        self.catalog.write_into(kept)
        return Admitted(kept, rows, ids, duplicates, rejected, late)

    def _taken(self, batch: EventBatch, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which identify events of those inside the horizon name a session that is another user
        already: bool[n]."""
        taken = np.zeros(batch.n, np.bool_)
        rows = np.flatnonzero(inside & batch.of_type(IDENTIFY.name))
        for row, (session, user) in zip(rows.tolist(), _pairs(batch, rows), strict=True):
            first = self.linked(session) or self._linking.get(session)
            taken[row] = first not in (None, user)
        return taken

    def _link(self, batch: EventBatch, new: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Note whom the new identify events name; which of them are the second to name a session
        in this batch, and say another user than the first: bool[n]."""
        second = np.zeros(batch.n, np.bool_)
        rows = np.flatnonzero(new & batch.of_type(IDENTIFY.name))
        if len(rows):
            folded = [s for s in self._linking if self.linked(s) is not None]
            for session in folded:
                del self._linking[session]
        for row, (session, user) in zip(rows.tolist(), _pairs(batch, rows), strict=True):
            second[row] = self._linking.setdefault(session, user) != user
        return second

    def take_back(self, admitted: Admitted) -> None:
        """The log refused the batch: its ids were never here."""
        self.known.forget(admitted.ids)
        rows = np.flatnonzero(admitted.batch.of_type(IDENTIFY.name))
        for session, _ in _pairs(admitted.batch, rows):
            self._linking.pop(session, None)

    def remember(self, batch: EventBatch, arrival: int) -> None:
        """Remember events that are in the log already (after a restart, or an import)."""
        self.clock = max(self.clock, arrival)
        said = as_said(batch)
        self.known.admit(hash_ids(said, self.seeds), hash_content(said, self.seeds), arrival)


def _pairs(batch: EventBatch, rows: NDArray[np.int64]) -> Iterator[tuple[str, str]]:
    """(session_id, user_id) of the events at `rows`."""
    said = batch.take(rows)
    return zip(said.strings("session_id"), said.strings("user_id"), strict=True)


def as_said(batch: EventBatch) -> EventBatch:
    """What the sender said: without what the door changed and added."""
    sent = batch.sent_ts
    return EventBatch(
        n=batch.n,
        types=batch.types,
        type=batch.type,
        ts=batch.ts if sent is None else np.where(sent == NULL, batch.ts, sent),
        texts=_own(batch.texts),
        numbers=_own(batch.numbers),
    )


def _own(columns: dict[str, Any]) -> dict[str, Any]:
    return {name: column for name, column in columns.items() if not name.startswith("item.")}


def lower_timestamps(batch: EventBatch, now: int) -> None:
    """Timestamps ahead of `now` become `now`; what was sent is kept."""
    ahead = batch.ts > now
    if ahead.any():
        batch.sent_ts = np.where(ahead, batch.ts, NULL)
        batch.ts = np.minimum(batch.ts, now)


def _ahead(batch: EventBatch, i: int, now: int) -> Rejection:
    minutes = (int(batch.ts[i]) - now) / 60_000
    detail = f"It is {minutes:,.0f} minutes ahead of the server; 60 are allowed."
    return Rejection(i, "in_the_future", "$.timestamp", detail)


def _too_late(batch: EventBatch, i: int, horizon_ms: int) -> Rejection:
    detail = f"It is older than {horizon_ms / HOUR_MS:g} hours; `afresh import` takes history."
    return Rejection(i, "too_late", "$.timestamp", detail)


def _linked(i: int) -> Rejection:
    detail = "The session is another user already; start a new session when somebody logs out."
    return Rejection(i, "session_already_linked", "$.session_id", detail)


def _conflict(i: int) -> Rejection:
    detail = "Another event with this event_id came first and counts."
    return Rejection(i, "conflict", "$.event_id", detail)


def _as_sent(batch: EventBatch, rows: Iterable[np.int64]) -> list[tuple[int, bytes]]:
    """Events as JSON, for the late stream."""
    texts = None
    out: list[tuple[int, bytes]] = []
    for i in rows:
        texts = texts or {name: batch.strings(name) for name in batch.texts}
        event = {"event_type": batch.types[batch.type[i]], "timestamp": int(batch.ts[i])}
        event |= {name: column[i] for name, column in texts.items() if column[i]}
        event |= {
            name: int(column[i]) for name, column in batch.numbers.items() if column[i] != NULL
        }
        out.append((int(batch.ts[i]), msgspec.json.encode(event)))
    return out
