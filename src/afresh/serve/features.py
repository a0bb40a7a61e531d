"""`POST /v1/features`: values of features, now or as they were."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import post
from litestar.types import ASGIApp
from msgspec import Meta

from afresh.answers import FeatureRows
from afresh.errors import BadRequest
from afresh.serve.body import JSON, Connection, decoded, read_body
from afresh.serve.described import Body, Doc, said
from afresh.serve.express import Exchange, Route
from afresh.serve.reply import Reply, json_reply
from afresh.serve.serving import Serving, serving
from afresh.settings import Settings

Id = Annotated[str, Meta(min_length=1, max_length=256)]
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Token = Annotated[str, Meta(max_length=1024, description="The `offset` of an answer to reflect.")]


class FeaturesBody(msgspec.Struct, forbid_unknown_fields=True):
    """Of whom or what, which features, and as of when."""

    keys: Annotated[dict[Name, list[Id]], Meta(min_length=1, max_length=16)]
    features: list[Name] | None = None
    as_of: Annotated[
        datetime | Annotated[int, Meta(ge=0, lt=2**53)] | None,
        Meta(description="RFC 3339 with an offset, or epoch milliseconds; null is now."),
    ] = None
    after: Token | None = None


_body = msgspec.json.Decoder(FeaturesBody)


DESCRIBED = said(
    Doc(
        "Read features",
        "Features",
        answer=FeatureRows,
        example={"rows": [{"item_id": "i1", "views_hour": 3}], "offset": "…"},
        description="Without `features`, all of each key's. With `as_of`, the values as of "
        "that moment, read from the log: slower, and exact. After a change of the definition, "
        "features that are still being folded from the log are null and named in `warming`. With "
        "`after`, waits for a moment until they reflect it; if they do not, says `fresh: false`.",
        body=Body(
            {
                "application/json": (
                    FeaturesBody,
                    {
                        "keys": {"item_id": ["i1", "i2"]},
                        "features": ["views_hour"],
                        "as_of": None,
                    },
                )
            },
            packed=True,
        ),
        errors={
            400: "Something in the request does not fit; `path` says what.",
            404: "There is no such feature.",
            413: "The body is too large.",
            415: "The media type or the encoding is not taken.",
        },
    )
)


@post("/v1/features", status_code=200, opt=DESCRIBED)
async def post_features(request: Connection) -> ASGIApp:
    """A read of facts; of the past in a thread, since it scans the log."""
    here = serving(request)
    body, _ = await read_body(request, here.settings.max_body_bytes, JSON)
    asked = asked_of(here.settings, body)
    if asked.as_of is None:
        waiting = here.runtime.caught_up(asked.after)
        if waiting is not None:
            await waiting
        return _now(here, asked)
    moment, read = milliseconds(asked.as_of), here.runtime.features
    return json_reply(await asyncio.to_thread(read, asked.keys, asked.features, moment))


def express(here: Serving) -> dict[bytes, Route]:
    """The same, in the express lane; the past is read in a thread here too."""
    loop_tasks: set[asyncio.Task[None]] = set()

    async def past(exchange: Exchange, asked: FeaturesBody, moment: int) -> None:
        read = here.runtime.features
        try:
            found = await asyncio.to_thread(read, asked.keys, asked.features, moment)
            exchange.reply(json_reply(found))
        except Exception as error:
            exchange.fail(error)

    def late(exchange: Exchange, asked: FeaturesBody) -> None:
        try:
            exchange.reply(_now(here, asked))
        except Exception as error:
            exchange.fail(error)

    def answer(exchange: Exchange) -> None:
        asked = asked_of(here.settings, exchange.body)
        if asked.as_of is None:
            waiting = here.runtime.caught_up(asked.after)
            if waiting is None:
                exchange.reply(_now(here, asked))
            else:
                waiting.add_done_callback(lambda _: late(exchange, asked))
            return
        task = asyncio.ensure_future(past(exchange, asked, milliseconds(asked.as_of)))
        loop_tasks.add(task)
        task.add_done_callback(loop_tasks.discard)

    return {b"POST /v1/features": Route("/v1/features", JSON, answer)}


def asked_of(settings: Settings, body: bytes) -> FeaturesBody:
    """What a body asks. Raises BadRequest."""
    asked = decoded(_body, body)
    wanted = sum(map(len, asked.keys.values()))
    if wanted > settings.max_request_entities:
        most = settings.max_request_entities
        text = f"{wanted:,} entities are asked for; {most:,} are allowed."
        raise BadRequest(text, path="$.keys", code="too_many")
    return asked


def _now(here: Serving, asked: FeaturesBody) -> Reply:
    return json_reply(here.runtime.features(asked.keys, asked.features, None, asked.after))


def milliseconds(moment: datetime | int) -> int:
    """A point in time as UTC milliseconds."""
    if isinstance(moment, int):
        return moment
    if moment.tzinfo is None:
        text = "The time has no offset from UTC."
        raise BadRequest(text, path="$.as_of", code="bad_timestamp", hint="End it with Z.")
    whole = int(moment.replace(microsecond=0).timestamp()) * 1000
    if whole < 0:
        raise BadRequest("The time is before 1970.", path="$.as_of", code="bad_timestamp")
    return whole + moment.microsecond // 1000


routes = (post_features,)
