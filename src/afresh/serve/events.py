"""`POST /v1/events`: the door, over HTTP."""

from __future__ import annotations

from litestar import post
from litestar.types import ASGIApp

from afresh.errors import AfreshError
from afresh.serve.body import JSON, LINES, Connection, read_body
from afresh.serve.described import Body, Doc, said
from afresh.serve.express import Exchange, Route
from afresh.serve.problem import NothingAccepted
from afresh.serve.reply import Reply, json_reply
from afresh.serve.serving import Serving, serving
from afresh.service import Receipt

RECEIPT = {
    "accepted": 2,
    "duplicates": 0,
    "rejected": [
        {
            "index": 1,
            "code": "unknown_event_type",
            "path": "$.event_type",
            "detail": "The definition has no event type of this name.",
        }
    ],
    "offset": "…",
}

_DOC = Doc(
    summary="Take events",
    tag="Events",
    description="One event, an array, or NDJSON (one event a line); gzip is taken too. Each "
    "event gets its own verdict. When the answer comes, what was accepted is on disk and in "
    "every feature. Give `offset` as `after` to have the next answer reflect it.",
    body=Body(
        {
            "application/json": ("EventOrEvents", None),
            "application/x-ndjson": ("Lines", None),
        },
        packed=True,
    ),
    status=202,
    answer=Receipt,
    example=RECEIPT,
    errors={
        400: "The body as a whole cannot be read.",
        413: "The body is too large.",
        415: "The media type or the encoding is not taken.",
        422: "No event was acceptable; `rejected` says why of each.",
        429: "Too much waits to be written.",
        503: "The log cannot be written now.",
        507: "The disk, or the log's size budget, is full.",
    },
)


@post("/v1/events", status_code=202, opt=said(_DOC))
async def post_events(request: Connection) -> ASGIApp:
    """Admit, make durable, fold; then the verdicts."""
    here = serving(request)
    body, media = await read_body(request, here.settings.max_body_bytes, JSON | LINES)
    return _answer(await here.runtime.post_events(body, lines=media in LINES))


def express(here: Serving) -> dict[bytes, Route]:
    """The same, in the express lane."""
    take = here.runtime.take_events

    def answer(exchange: Exchange) -> None:
        def then(receipt: Receipt | AfreshError) -> None:
            try:
                if isinstance(receipt, AfreshError):
                    raise receipt
                exchange.reply(_answer(receipt))
            except AfreshError as error:
                exchange.fail(error)

        take(exchange.body, then, lines=exchange.media in LINES)

    return {b"POST /v1/events": Route("/v1/events", JSON | LINES, answer)}


def _answer(receipt: Receipt) -> Reply:
    if not receipt.accepted and not receipt.duplicates and receipt.rejected:
        raise NothingAccepted(receipt.rejected)
    return json_reply(receipt, 202)


routes = (post_events,)
