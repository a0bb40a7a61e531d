"""`GET /v1/explain/{request_id}`: why an answer was what it was."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from litestar import get
from litestar.types import ASGIApp
from msgspec import Meta

from afresh.explaining import Explanation
from afresh.serve.body import Connection, query
from afresh.serve.described import Doc, said
from afresh.serve.items import path_id
from afresh.serve.reply import json_reply
from afresh.serve.serving import serving


class ExplainQuery(msgspec.Struct, forbid_unknown_fields=True):
    """What to do beside telling what was kept."""

    replay: Annotated[
        bool,
        Meta(description="Ask again, of the log as it was, and compare; about as long as a start."),
    ] = False


EXAMPLE = {
    "request_id": "019ab1c2d3e4f5a6b7c8d9e0f1a2b3c4",
    "at": 1767603600000,
    "offset": 42,
    "query": {"surface": "home", "user_id": "u1"},
    "ranked": None,
    "answer": {"items": [{"item_id": "i9", "score": 1.2}]},
    "items": [{"item_id": "i9", "terms": {"sessions": 1.0, "trending 1h": 0.2}}],
    "removed": {"seen": 3},
    "replay": {"same": True, "answer": {}, "candidates": []},
}


@get(
    "/v1/explain/{request_id:str}",
    opt=said(
        Doc(
            "Explain an answer",
            "Lists",
            answer=Explanation,
            example=EXAMPLE,
            query=ExplainQuery,
            description="What each term added to each item's score, and what each filter took "
            "away. With `replay=true`, the answer is computed again from the log as it was, and "
            "`same` says whether it is so to the byte.",
            errors={
                400: "The request is wrong; `detail` says where.",
                404: "No such answer is remembered, or the log no longer reaches it.",
            },
        )
    ),
)
async def get_explain(request: Connection) -> ASGIApp:
    """Term by term, and again if asked."""
    request_id, asked = path_id(request, "request_id"), query(request, ExplainQuery)
    runtime = serving(request).runtime
    return json_reply(await asyncio.to_thread(runtime.explain, request_id, replay=asked.replay))


routes = (get_explain,)
