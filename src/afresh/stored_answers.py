"""Stored answers: features for callers, from a store, by a process that holds nothing itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import BoundedSemaphore

from afresh.answers import FeatureRows
from afresh.errors import AfreshError, BadRequest, CorruptData, Overloaded, Unavailable
from afresh.features.plan import Plan
from afresh.features.reading import Value, features_of
from afresh.log.token import Place, read_token, write_token
from afresh.own_events import OwnEvents
from afresh.store import EntityStore
from afresh.store.stored import Asked, Found, Stored

WAIT_S = 0.05
"""The longest that an answer waits for the store to reflect what is asked for."""
LOOK_S = 0.005
AT_ONCE = 64
"""Requests that may wait for the store at a time; beyond it they are refused at once."""


class StoredAnswers:
    """Answers `features` as `Answers.features` does; from any thread, and it may wait."""

    def __init__(
        self, plan: Plan, store: EntityStore, prefix: str, own: OwnEvents | None = None
    ) -> None:
        """own: the log behind the store, where this process knows it."""
        self.plan, self.own = plan, own
        self.stored = Stored(plan, store, prefix)
        self._room = BoundedSemaphore(AT_ONCE)
        self._failure: str | None = "The store was not asked yet."

    def features(
        self, keys: Mapping[str, Sequence[str]], names: Sequence[str] | None, as_of: int | None,
        after: str | None = None,
    ) -> FeatureRows:  # fmt: skip
        """Values of features by entity, as of now; names None: all of each key.

        after: a token. Where the store does not reflect it within WAIT_S, people's own events are
        read from the log, if it is known; what does not reflect it then comes with fresh = False.
        Raises NotFound for an unknown feature, BadRequest for a key without features, a moment
        in the past or a token that is none, and Unavailable without the store.
        """
        if as_of is not None:
            raise BadRequest(
                "This server has no past: the store holds facts as they are now.",
                hint="Ask a server that has the log, without --store-only.",
                path="$.as_of",
                code="no_past",
            )
        asked = [
            Asked(key, named, features_of(self.plan, key, names)) for key, named in keys.items()
        ]
        with self._heard():
            found, fresh = self._found(asked, after)
        rows: list[dict[str, Value]] = []
        for each, mine in zip(asked, found, strict=True):
            rows += self.stored.values(each, mine)
        head = found[0].head
        place = Place(head.log, tuple(head.offsets), head.newest)
        return FeatureRows(rows, write_token(place), fresh=fresh)

    def _found(self, asked: Sequence[Asked], after: str | None) -> tuple[list[Found], bool]:
        """What is asked, and whether it reflects the place that `after` names."""
        until = time.monotonic() + WAIT_S
        while True:
            found = self.stored.find(asked)
            if after is None:
                return found, True
            head = found[0].head
            wanted = read_token(after, head.log, len(head.offsets))
            if wanted.within(tuple(head.offsets)) or _held(wanted, found):
                return found, True
            if time.monotonic() >= until:
                return self._with_own(asked, found, wanted)
            time.sleep(LOOK_S)

    def _with_own(
        self, asked: Sequence[Asked], found: list[Found], wanted: Place
    ) -> tuple[list[Found], bool]:
        """What is asked with what the log says beyond the store, if it can be had."""
        if self.own is None or not self.own.ready:
            return found, False
        # On a cluster, a head may be newer than values that came with it: the last one is not.
        head = found[0].head
        found = self.stored.find(asked, newest=wanted.newest, also=[self.own.history])
        return self.own.over(self.stored, asked, found, head, wanted)

    @contextmanager
    def room(self) -> Iterator[None]:
        """A place among those that wait for the store. Raises Overloaded when there is none."""
        if not self._room.acquire(blocking=False):
            raise Overloaded(f"{AT_ONCE} requests wait for the store already.")
        try:
            yield
        finally:
            self._room.release()

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """The store is asked; how it went is remembered."""
        try:
            yield
            self._failure = None
        except (Unavailable, CorruptData) as error:
            self._failure = error.message
            raise Unavailable(error.message, hint=error.hint) from error

    def was_ready(self) -> tuple[bool, str]:
        """As `ready`, as of the last time that the store was asked; waits for nothing."""
        return (True, "") if self._failure is None else (False, self._failure)

    def ready(self) -> tuple[bool, str]:
        """Whether the store holds this definition's values."""
        try:
            with self._heard():
                self.stored.head()
        except AfreshError as error:
            return False, error.message
        return True, ""

    def close(self) -> None:
        if self.own is not None:
            self.own.close()
        self.stored.store.close()


def _held(wanted: Place, found: Sequence[Found]) -> bool:
    """Whether the entities themselves were all written later than a place, in a log of one part;
    in one of several their versions cannot tell."""
    return len(wanted.at) == 1 and all(each.n >= wanted.at[0] for each in found)
