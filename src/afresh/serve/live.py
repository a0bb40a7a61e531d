"""`/v1/live`: a list that stays open, as server-sent events.

`GET` says in its address whose list it is, as `EventSource` can; `POST` takes a body, with the
request's context and rules: what says where somebody is does not belong into addresses and logs.

One task a listener, which waits for the client to go; the hub writes through it (see
`afresh.live.hub` for who is sent what, and when).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from litestar import get, post
from litestar.types import ASGIApp, Receive, Scope, Send

from afresh.answers import Answer
from afresh.arrange.rules import Rules
from afresh.errors import Unavailable
from afresh.live.hub import Full, Hub
from afresh.live.listener import Listener, Write
from afresh.serve.asked import BAD, RULES, Values
from afresh.serve.body import JSON, Connection, decoded, query, read_body
from afresh.serve.described import Body, Doc, said
from afresh.serve.recommend import Count, Id, Name
from afresh.serve.serving import Serving
from afresh.surface import Query

LARGEST = 1 << 16
"""Bytes of a body: a listener's rules are kept for as long as it listens."""

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would keep events back
]


_ERRORS = BAD | {
    404: "There is no such surface.",
    503: "As many listen as may (setting `live_listeners`).",
}


class LiveQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Whose list, of which surface, and how long."""

    surface: Name = "home"
    user_id: Id | None = None
    session_id: Id | None = None
    n: Count | None = None


class LiveBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whose list, of which surface, how long, in which context and by which rules."""

    surface: Name = "home"
    user_id: Id | None = None
    session_id: Id | None = None
    n: Count | None = None
    context: Values = {}
    rules: Rules | None = None


_body = msgspec.json.Decoder(LiveBody)


def make_hub(here: Serving) -> Hub:
    """The hub of a server; it hears of every group that the runtime folds."""
    runtime, settings = here.runtime, here.settings

    def answer(asked: Query) -> Answer:
        runtime.ask(asked)  # what it says is for the next round
        made = runtime.answer(asked)
        here.observer.answer(made.freshness_ms / 1000)
        return made

    hub = Hub(
        answer,
        lambda: runtime.replica.offset,
        most=settings.live_listeners,
        most_per_s=settings.live_max_per_second,
        refresh_s=settings.live_refresh / 1000,
    )
    runtime.on_folded(hub.folded)
    here.observer.listens(lambda: len(hub))
    return hub


@get(
    "/v1/live",
    opt=said(
        Doc(
            "A list that stays open",
            "Lists",
            description="Server-sent events. The first `list` comes at once; its data is what "
            "`POST /v1/recommend` answers. Another one comes when what happened since changes the "
            "items of the list or of its groups, or their order. A comment comes every 15 s.",
            query=LiveQuery,
            media_type="text/event-stream",
            errors=_ERRORS,
        )
    ),
)
async def get_live(request: Connection) -> ASGIApp:
    """Open the stream."""
    asked = query(request, LiveQuery)
    return _stream(request, Query(**msgspec.structs.asdict(asked)))


@post(
    "/v1/live",
    status_code=200,
    opt=said(
        Doc(
            "A list that stays open, with context and rules",
            "Lists",
            description="As `GET /v1/live`, and every list is made with this `context` and these "
            "`rules`, of which `POST /v1/recommend` tells. A body has at most 64 KiB.",
            body=Body(
                {
                    "application/json": (
                        LiveBody,
                        {
                            "surface": "home",
                            "session_id": "s1",
                            "n": 12,
                            "context": {"brand": "acme"},
                            "rules": RULES,
                        },
                    )
                },
                packed=True,
            ),
            media_type="text/event-stream",
            errors=_ERRORS
            | {
                413: "The body is too large.",
                415: "The media type or the encoding is not taken.",
            },
        )
    ),
)
async def post_live(request: Connection) -> ASGIApp:
    """Open the stream, for lists made by rules."""
    most = min(LARGEST, request.scope["litestar_app"].state["serving"].settings.max_body_bytes)
    body, _ = await read_body(request, most, JSON)
    return _stream(request, Query(**msgspec.structs.asdict(decoded(_body, body))))


def _stream(request: Connection, wanted: Query) -> ASGIApp:
    return _Stream(request.scope["litestar_app"].state["live"], wanted)


class _Stream:
    """An ASGI app that stays until the client, or the server, goes."""

    __slots__ = ("hub", "started", "wanted")

    def __init__(self, hub: Hub, wanted: Query) -> None:
        self.hub, self.wanted, self.started = hub, wanted, False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A stream needs a task of its own.")

        async def write(chunk: bytes, more: bool = True) -> None:
            if not self.started:  # not sooner: what joining raises is answered as a problem
                self.started = True
                await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS]})
            await send({"type": "http.response.body", "body": chunk, "more_body": more})

        listener = self._join(write, task.cancel)
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        except asyncio.CancelledError:
            if not self.hub.closed:
                raise
            await write(b"", False)
        finally:
            self.hub.leave(listener)

    def _join(self, write: Write, end: Callable[[], object]) -> Listener:
        try:
            return self.hub.join(self.wanted, write, end)
        except Full:
            text = f"{len(self.hub):,} lists are open already."
            hint = "Try again later; the setting live_listeners says how many may be."
            raise Unavailable(text, hint=hint) from None


routes = (get_live, post_live)
