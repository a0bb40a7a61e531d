"""What is asked for lists, and what an answer looks like."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from afresh.arrange.cursor import LONGEST_TEXT
from afresh.arrange.rules import Rules

Id = Annotated[str, Meta(min_length=1, max_length=256)]
Count = Annotated[int, Meta(ge=1, le=1000, description="How many items.")]
Token = Annotated[str, Meta(max_length=1024, description="An `offset` the answer must reflect.")]
Name = Annotated[str, Meta(min_length=1, max_length=64, description="The surface's name.")]
Key = Annotated[str, Meta(min_length=1, max_length=64)]
Values = Annotated[
    dict[Key, Annotated[str, Meta(max_length=1024)] | float],
    Meta(
        max_length=100,
        description="What `context.name` is in a filter expression, and which part of a trend "
        "that is split by `name` counts.",
    ),
]
Given = Annotated[
    dict[Key, Annotated[list[float | None], Meta(max_length=1000)]],
    Meta(
        max_length=16,
        description="By a name that the surface declares (`given=`), a number for each item, in "
        "the order of the items; null where it is not known.",
    ),
]
Cursor = Annotated[
    str,
    Meta(min_length=1, max_length=LONGEST_TEXT, description="The `cursor` of the page before."),
]
Moment = Annotated[
    datetime | Annotated[int, Meta(ge=0, lt=2**53)],
    Meta(description="RFC 3339 with an offset, or epoch milliseconds; null is now."),
]

ANSWER = {
    "request_id": "5f0c",
    "items": [{"item_id": "i9", "score": 1.2, "sources": ["sessions", "trending"], "reason": "…"}],
    "offset": "…",
    "fresh": True,
    "freshness_ms": 3.1,
    "model": "blend",
    "variant": None,
    "degraded": [],
    "groups": [
        {
            "title": "Because you looked at Espresso",
            "item_id": "i7",
            "items": [{"item_id": "i8", "score": 0.9, "sources": ["similar"], "reason": "…"}],
        }
    ],
    "cursor": "…",
}
RANKED = ANSWER | {
    "items": [
        {"item_id": "i2", "score": 0.7, "sources": ["sessions"], "reason": "…"},
        {"item_id": "i1", "score": 0.0, "sources": ["request"], "reason": "Named by the request"},
    ],
    "groups": [],
    "cursor": None,
}
RULES = {
    "exclude": ["i1"],
    "filter": "price_cents < 5000 and category in ['shoes', 'socks']",
    "pin": [{"item_id": "i2", "position": 0}],
    "boost": [{"where": "brand == context.brand", "by": 1.5}],
    "cap": [{"field": "category", "max": 3}],
    "diversity": {"fields": ["category", "brand"], "weight": 0.9},
}
BAD = {400: "Something in the request does not fit; `path` says what."}


class RecommendBody(msgspec.Struct, forbid_unknown_fields=True):
    """Who asks, where, and for how many."""

    surface: Name = "home"
    user_id: Id | None = None
    session_id: Id | None = None
    n: Count | None = None
    after: Token | None = None
    context: Values = {}
    rules: Rules | None = None
    cursor: Cursor | None = None
    as_of: Moment | None = None


class RankBody(msgspec.Struct, forbid_unknown_fields=True):
    """Who asks, where, about which items, and what only the caller knows of them."""

    items: Annotated[list[Id], Meta(min_length=1, max_length=1000)]
    surface: Name = "home"
    user_id: Id | None = None
    session_id: Id | None = None
    after: Token | None = None
    given: Given = {}


class RecommendQuery(msgspec.Struct, forbid_unknown_fields=True):
    surface: Name = "home"
    session_id: Id | None = None
    n: Count | None = None
    after: Token | None = None
    cursor: Cursor | None = None


class CountQuery(msgspec.Struct, forbid_unknown_fields=True):
    n: Count = 20


class TrendingQuery(msgspec.Struct):
    window: Annotated[str, Meta(max_length=16, description="`1h`, `24h` or `7d`.")] = "1h"
    n: Count = 20
    rising: Annotated[
        bool, Meta(description="What has more than its own usual, of a window of a day at most.")
    ] = False
