"""Who listens to whom: parties, which are users and sessions, and their listeners."""

from __future__ import annotations

from collections.abc import Iterator

from afresh.events.batch import EventBatch
from afresh.live.listener import Listener

KEYS = ("user_id", "session_id")

Party = tuple[str, str]
"""A key of KEYS and the id."""


class Audience:
    """Listeners by party, so that an event costs as much as it has listeners.

    `concerned` may be called by any thread; what changes the audience, by one only.
    """

    def __init__(self) -> None:
        self._of: dict[str, dict[str, dict[Listener, None]]] = {key: {} for key in KEYS}

    def add(self, listener: Listener) -> None:
        for key, name in _parties(listener):
            self._of[key].setdefault(name, {})[listener] = None

    def remove(self, listener: Listener) -> None:
        """Forget a listener, and parties nobody listens to any more."""
        for key, name in _parties(listener):
            here = self._of[key].get(name, {})
            here.pop(listener, None)
            if not here:
                self._of[key].pop(name, None)

    def concerned(self, batch: EventBatch) -> set[Party]:
        """The parties of a batch's events that somebody listens to."""
        found: set[Party] = set()
        for key, parties in self._of.items():
            if parties and batch.texts.get(key):
                found.update((key, name) for name in set(batch.strings(key)) if name in parties)
        return found

    def of(self, party: Party) -> list[Listener]:
        """Those who listen to a party now."""
        key, name = party
        return list(self._of[key].get(name, ()))


def _parties(listener: Listener) -> Iterator[Party]:
    query = listener.query
    for key, name in zip(KEYS, (query.user_id, query.session_id), strict=True):
        if name:
            yield key, name
