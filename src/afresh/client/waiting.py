"""The client whose calls wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from afresh.client import calls
from afresh.client.answers import Answer, FeatureRows, Receipt
from afresh.client.attempts import attempts
from afresh.client.calls import Call, T
from afresh.client.connection import Waiting


class Client:
    """Calls a server; safe to share among threads.

    `after` is the token of the last receipt: each list asked for reflects it, so that a click is
    in the very next answer. Set it to "" to ask for any.

    timeout_s: of one attempt. retries: how often a call is made again after 429, 503, 507 or a
    failure of the connection. Every call raises RequestFailed and ServerUnreachable.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        key: str | None = None,
        timeout_s: float = 10.0,
        retries: int = 4,
    ) -> None:
        self._connection = Waiting(url, key, timeout_s)
        self._retries = retries
        self.after = ""

    def track(
        self,
        event_type: str,
        *,
        item_id: str | None = None,
        user_id: str | None = None,
        session_id: str | None = None,
        timestamp: int | str | None = None,
        event_id: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Receipt:
        """Send one event. timestamp: UTC ms, or RFC 3339; now at first."""
        one = calls.event(
            event_type,
            item_id=item_id,
            user_id=user_id,
            session_id=session_id,
            timestamp=timestamp,
            event_id=event_id,
            properties=properties,
        )
        return self.track_many([one])

    def track_many(self, events: Iterable[Mapping[str, Any]]) -> Receipt:
        """Send events as the server takes them; ids and times that are missing are made, once."""
        receipts = []
        for call in calls.events(events):
            receipts.append(self._run(call))
            self.after = receipts[-1].offset or self.after
        return calls.joined(receipts)

    def identify(self, user_id: str, session_id: str) -> Receipt:
        """A session turned out to be this user's: what it did counts for them."""
        return self.track("identify", user_id=user_id, session_id=session_id)

    def recommend(
        self,
        surface: str = "home",
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        n: int | None = None,
        **more: Any,
    ) -> Answer:
        """The next screen. more: whatever else `POST /v1/recommend` takes."""
        asked = {"surface": surface, "user_id": user_id, "session_id": session_id, "n": n, **more}
        return self._run(calls.recommend(asked, self.after))

    def rank(
        self,
        items: Sequence[str],
        surface: str = "home",
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        given: Mapping[str, Sequence[float | None]] | None = None,
    ) -> Answer:
        """Items of the caller's, best first. given: by the names that the surface declares, a
        number for each item, None where it is not known."""
        asked = {
            "surface": surface, "user_id": user_id, "session_id": session_id,
            "items": list(items), "given": given,
        }  # fmt: skip
        return self._run(calls.rank(asked, self.after))

    def live(
        self,
        surface: str = "home",
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        n: int | None = None,
        **more: Any,
    ) -> Iterator[Answer]:
        """A list that stays open: each new one, the first at once. more: `context` and `rules`, as
        `POST /v1/live` takes them.

        It connects again by itself, and ends by being closed, or with an error once `retries`
        attempts on end have failed.
        """
        asked = {"surface": surface, "user_id": user_id, "session_id": session_id, "n": n, **more}
        return self._connection.heard(calls.live(asked), self._retries)

    def similar(self, item_id: str, n: int = 20) -> Answer:
        """Neighbours of an item."""
        return self._run(calls.similar(item_id, n))

    def trending(self, window: str = "1h", n: int = 20, **where: str) -> Answer:
        """What is popular, among items whose catalogue fields are as `where` says."""
        return self._run(calls.trending(window, n, where))

    def features(
        self,
        keys: Mapping[str, Sequence[str]],
        features: Sequence[str] | None = None,
        as_of: datetime | int | None = None,
    ) -> FeatureRows:
        """Values of features by entity, `{"item_id": ["i1"]}`; as_of: UTC ms, or with an offset."""
        return self._run(calls.features(keys, features, as_of))

    def put_item(self, item_id: str, **values: Any) -> Receipt:
        """Write an item's whole record."""
        receipt = self._run(calls.put_item(item_id, values))
        self.after = receipt.offset or self.after
        return receipt

    def _run(self, call: Call[T]) -> T:
        return self._connection.run(attempts(call, self._retries))

    def close(self) -> None:
        """Close the connections."""
        self._connection.http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
