"""What each call sends and reads, without a word on how it is sent."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from afresh.client.answers import Answer, FeatureRows, Receipt

T = TypeVar("T")

CHUNK = 5000
"""Events in one request."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request and the shape of its answer. body: JSON; query: parameters of the address."""

    method: str
    path: str
    shape: type[T]
    body: bytes | None = None
    query: Mapping[str, str] | None = None


def events(given: Iterable[Mapping[str, Any]]) -> Iterator[Call[Receipt]]:
    """Calls of at most CHUNK events each; every event gets an id and a time now, if it has none."""
    made = []
    for event in given:
        fixed = {"event_id": uuid.uuid4().hex, "timestamp": time.time_ns() // 1_000_000}
        made.append({**fixed, **{name: v for name, v in event.items() if v is not None}})
    for first in range(0, len(made), CHUNK):
        yield Call("POST", "/v1/events", Receipt, msgspec.json.encode(made[first : first + CHUNK]))


def event(event_type: str, **fields: Any) -> dict[str, Any]:
    """One event as it is sent, without the fields that are None."""
    return {"event_type": event_type, **{k: v for k, v in fields.items() if v is not None}}


def recommend(asked: Mapping[str, Any], after: str) -> Call[Answer]:
    given = {"after": after or None, **asked}
    body = msgspec.json.encode({name: v for name, v in given.items() if v is not None})
    return Call("POST", "/v1/recommend", Answer, body)


def rank(asked: Mapping[str, Any], after: str) -> Call[Answer]:
    given = {"after": after or None, **asked}
    body = msgspec.json.encode({name: v for name, v in given.items() if v is not None})
    return Call("POST", "/v1/rank", Answer, body)


def live(asked: Mapping[str, Any]) -> Call[Answer]:
    """Its answer is a stream, and each list of it an Answer."""
    body = msgspec.json.encode({name: v for name, v in asked.items() if v is not None})
    return Call("POST", "/v1/live", Answer, body)


def similar(item_id: str, n: int) -> Call[Answer]:
    return Call("GET", f"/v1/items/{quote(item_id, safe='')}/similar", Answer, query={"n": str(n)})


def trending(window: str, n: int, where: Mapping[str, str]) -> Call[Answer]:
    return Call("GET", "/v1/trending", Answer, query={**where, "window": window, "n": str(n)})


def features(
    keys: Mapping[str, Sequence[str]], names: Sequence[str] | None, as_of: object
) -> Call[FeatureRows]:
    asked = {"keys": keys, "features": names, "as_of": as_of}
    return Call("POST", "/v1/features", FeatureRows, msgspec.json.encode(asked))


def put_item(item_id: str, values: Mapping[str, Any]) -> Call[Receipt]:
    path = f"/v1/items/{quote(item_id, safe='')}"
    return Call("PUT", path, Receipt, msgspec.json.encode(dict(values)))


def joined(receipts: Sequence[Receipt]) -> Receipt:
    """The receipts of consecutive chunks as one."""
    whole = Receipt(rejected=[])
    for at, each in enumerate(receipts):
        whole.accepted += each.accepted
        whole.duplicates += each.duplicates
        for rejection in each.rejected:
            rejection.index += at * CHUNK
            whole.rejected.append(rejection)
        whole.offset = each.offset or whole.offset
    return whole
