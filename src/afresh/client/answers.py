"""What a server answers. A field that a newer server adds is passed over."""

from __future__ import annotations

from typing import Any

import msgspec


class Rejection(msgspec.Struct):
    """Why an event, or an item, was not taken. index: its place in what was sent."""

    index: int
    code: str
    path: str = ""
    detail: str = ""


class Receipt(msgspec.Struct):
    """The verdicts on what was sent. offset: a token that an answer can be asked to reflect."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[Rejection] = []
    offset: str = ""


class Item(msgspec.Struct):
    """One recommended item, why, and from which sources."""

    item_id: str
    score: float
    sources: list[str] = []
    reason: str = ""


class Group(msgspec.Struct):
    """A list of its own beside an answer's items. item_id: the item that it is about, if one."""

    title: str
    item_id: str | None
    items: list[Item]


class Answer(msgspec.Struct):
    """A list. fresh: whether all that this client was told to be taken is in it."""

    request_id: str
    items: list[Item]
    offset: str
    fresh: bool
    freshness_ms: float
    model: str
    variant: str | None = None
    degraded: list[str] = []
    groups: list[Group] = []
    cursor: str | None = None


class FeatureRows(msgspec.Struct):
    """One row an entity: its id, then each feature's value. warming: the features that are null
    because the log is still being folded for them."""

    rows: list[dict[str, Any]]
    offset: str
    warming: list[str] = []


class Problem(msgspec.Struct):
    """An error as RFC 9457 has it."""

    title: str = ""
    status: int = 0
    code: str = ""
    detail: str = ""
    hint: str = ""
    path: str = ""
    request_id: str = ""
    accepted: int | None = None
    rejected: list[Rejection] = []
