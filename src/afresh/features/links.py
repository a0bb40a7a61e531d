"""Links: which user a session turned out to be.

`identify` is an event with a session and a user. Of a session's living links the smallest in
the total order (timestamp, event_id) counts; a link lives as long as the plan's reach. A user's
value merges, when it is read, the user's own facts with those of the latest sessions linked.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.events.batch import EventBatch
from afresh.events.schema import IDENTIFY

SESSIONS = 16
"""The most sessions that are merged into a user, the latest linked first."""


class Link(NamedTuple):
    """One identify event; sorted, these are in the total order."""

    ts: int
    event_id: bytes
    session: str
    user: str


class Links:
    """Every living link, by session and by user."""

    def __init__(self, reach: int) -> None:
        self.reach = reach
        self._by_session: dict[str, list[Link]] = {}
        self._by_user: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._by_session)

    def __iter__(self) -> Iterator[Link]:
        return (link for links in self._by_session.values() for link in links)

    def fold(self, batch: EventBatch) -> None:
        """Take the identify events of a batch."""
        rows = np.flatnonzero(batch.of_type(IDENTIFY.name))
        if not len(rows):
            return
        said = batch.take(rows)
        names = (said.strings(name) for name in ("event_id", "session_id", "user_id"))
        for ts, event_id, session, user in zip(said.ts.tolist(), *names, strict=True):
            if session and user:
                self.add(Link(ts, event_id.encode(), session, user))

    def add(self, link: Link) -> None:
        """Take one link."""
        insort(self._by_session.setdefault(link.session, []), link)
        self._by_user.setdefault(link.user, set()).add(link.session)

    def user(self, session: str, newest: int) -> str | None:
        """The user that a session is linked to; newest: F, UTC ms."""
        link = self._standing(session, newest)
        return link.user if link else None

    def sessions(self, user: str, newest: int, now: int) -> list[str]:
        """A user's sessions linked before `now`, the latest first, at most SESSIONS."""
        found = [self._standing(session, newest) for session in self._by_user.get(user, ())]
        mine = sorted(link for link in found if link and link.user == user and link.ts < now)
        return [link.session for link in mine[::-1]][:SESSIONS]

    def _standing(self, session: str, newest: int) -> Link | None:
        links = self._by_session.get(session, ())
        return next((link for link in links if link.ts > newest - self.reach), None)

    def around(self, user: str) -> list[Link]:
        """Every link of each session that some link gives to a user, whosever it is."""
        sessions = sorted(self._by_user.get(user, ()))
        return [link for session in sessions for link in self._by_session[session]]

    def living(self, newest: int) -> list[Link]:
        return [link for link in self if link.ts > newest - self.reach]

    def sweep(self, newest: int) -> None:
        """Forget dead links. Reads do not change."""
        self.load(self.living(newest))

    def load(self, links: list[Link]) -> None:
        """Hold these links and no others."""
        self._by_session, self._by_user = {}, {}
        for link in links:
            self.add(link)

    def dump(self) -> dict[str, NDArray[np.generic]]:
        lines = [msgspec.json.encode([link.ts, link.event_id.decode(), *link[2:]]) for link in self]
        return {"links": np.frombuffer(b"\n".join(lines), np.uint8)}

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        lines = arrays["links"].tobytes().split(b"\n")
        told = [msgspec.json.decode(line) for line in lines if line]
        self.load([Link(ts, name.encode(), session, user) for ts, name, session, user in told])
