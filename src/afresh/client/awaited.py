"""The client whose calls are awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from afresh.client import calls
from afresh.client.answers import Answer, FeatureRows, Receipt
from afresh.client.attempts import attempts
from afresh.client.calls import Call, T
from afresh.client.connection import Awaited


class AsyncClient:
    """Calls a server from one event loop; see `Client`, whose calls are the same."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        key: str | None = None,
        timeout_s: float = 10.0,
        retries: int = 4,
    ) -> None:
        self._connection = Awaited(url, key, timeout_s)
        self._retries = retries
        self.after = ""

    async def track(
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
        return await self.track_many([one])

    async def track_many(self, events: Iterable[Mapping[str, Any]]) -> Receipt:
        """Send events as the server takes them; ids and times that are missing are made, once."""
        receipts = []
        for call in calls.events(events):
            receipts.append(await self._run(call))
            self.after = receipts[-1].offset or self.after
        return calls.joined(receipts)

    async def identify(self, user_id: str, session_id: str) -> Receipt:
        """A session turned out to be this user's: what it did counts for them."""
        return await self.track("identify", user_id=user_id, session_id=session_id)

    async def recommend(
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
        return await self._run(calls.recommend(asked, self.after))

    async def rank(
        self,
        items: Sequence[str],
        surface: str = "home",
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        given: Mapping[str, Sequence[float | None]] | None = None,
    ) -> Answer:
        """As `Client.rank`."""
        asked = {
            "surface": surface, "user_id": user_id, "session_id": session_id,
            "items": list(items), "given": given,
        }  # fmt: skip
        return await self._run(calls.rank(asked, self.after))

    def live(
        self,
        surface: str = "home",
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        n: int | None = None,
        **more: Any,
    ) -> AsyncIterator[Answer]:
        """As `Client.live`, to be read with `async for`."""
        asked = {"surface": surface, "user_id": user_id, "session_id": session_id, "n": n, **more}
        return self._connection.heard(calls.live(asked), self._retries)

    async def similar(self, item_id: str, n: int = 20) -> Answer:
        """Neighbours of an item."""
        return await self._run(calls.similar(item_id, n))

    async def trending(self, window: str = "1h", n: int = 20, **where: str) -> Answer:
        """What is popular, among items whose catalogue fields are as `where` says."""
        return await self._run(calls.trending(window, n, where))

    async def features(
        self,
        keys: Mapping[str, Sequence[str]],
        features: Sequence[str] | None = None,
        as_of: datetime | int | None = None,
    ) -> FeatureRows:
        """Values of features by entity, `{"item_id": ["i1"]}`; as_of: UTC ms, or with an offset."""
        return await self._run(calls.features(keys, features, as_of))

    async def put_item(self, item_id: str, **values: Any) -> Receipt:
        """Write an item's whole record."""
        receipt = await self._run(calls.put_item(item_id, values))
        self.after = receipt.offset or self.after
        return receipt

    async def _run(self, call: Call[T]) -> T:
        return await self._connection.run(attempts(call, self._retries))

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
