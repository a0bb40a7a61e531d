"""Lists: `/v1/recommend`, `/v1/rank`, `/v1/items/{id}/similar`, `/v1/trending`."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import get, post
from litestar.types import ASGIApp

from afresh.answers import Answer
from afresh.errors import BadRequest
from afresh.serve.asked import (
    ANSWER,
    BAD,
    RANKED,
    RULES,
    CountQuery,
    RankBody,
    RecommendBody,
    RecommendQuery,
    TrendingQuery,
)
from afresh.serve.asked import Count as Count
from afresh.serve.asked import Id as Id
from afresh.serve.asked import Name as Name
from afresh.serve.body import JSON, Connection, decoded, query, read_body
from afresh.serve.described import Body, Doc, said
from afresh.serve.express import Exchange, Route
from afresh.serve.features import milliseconds
from afresh.serve.items import item_id, path_id
from afresh.serve.reply import Reply, json_reply
from afresh.serve.serving import Serving, serving
from afresh.surface import Query

_body = msgspec.json.Decoder(RecommendBody)
_rank_body = msgspec.json.Decoder(RankBody)
_BODY_ERRORS = BAD | {
    404: "There is no such surface.",
    413: "The body is too large.",
    415: "The media type or the encoding is not taken.",
}


@post(
    "/v1/recommend",
    status_code=200,
    opt=said(
        Doc(
            "Recommend",
            "Lists",
            answer=Answer,
            example=ANSWER,
            description="What a surface shows next. With `after`, the answer reflects that "
            "offset or says `fresh: false`. An unknown visitor gets what is popular. `rules` "
            "exclude, filter, pin, boost, cap and vary; `cursor` asks for the next page, which "
            "repeats nothing; where it is null, the list has ended. With `as_of`, the answer as it "
            "would have been at that moment, folded from the log: slow, one at a time.",
            body=Body(
                {
                    "application/json": (
                        RecommendBody,
                        {
                            "surface": "home",
                            "user_id": "u1",
                            "session_id": "s1",
                            "n": 20,
                            "context": {"brand": "acme"},
                            "rules": RULES,
                        },
                    )
                },
                packed=True,
            ),
            errors=_BODY_ERRORS,
        )
    ),
)
async def post_recommend(request: Connection) -> ASGIApp:
    """The long form."""
    here = serving(request)
    body, _ = await read_body(request, here.settings.max_body_bytes, JSON)
    asked = _query(decoded(_body, body))
    if asked.as_of is not None:
        return _named(request, await asyncio.to_thread(here.runtime.recommend_as_of, asked))
    return _named(request, await _awaited(here, asked))


@post(
    "/v1/rank",
    status_code=200,
    opt=said(
        Doc(
            "Rank items",
            "Lists",
            answer=Answer,
            example=RANKED,
            description="The caller's items, each once, in the order in which the surface would "
            "show them to this visitor. Nothing is filtered. A trained ranker orders all of them, "
            "by their place in the list and by `given`, what only the caller knows of each, too; "
            "without one, items that no source has found follow at the end, in the order given.",
            body=Body(
                {
                    "application/json": (
                        RankBody,
                        {
                            "surface": "home",
                            "user_id": "u1",
                            "items": ["i1", "i2"],
                            "given": {"price": [120, 80.5]},
                        },
                    )
                },
                packed=True,
            ),
            errors=_BODY_ERRORS,
        )
    ),
)
async def post_rank(request: Connection) -> ASGIApp:
    """The order of items that the caller names."""
    here = serving(request)
    body, _ = await read_body(request, here.settings.max_body_bytes, JSON)
    asked = decoded(_rank_body, body)
    who = Query(
        surface=asked.surface,
        user_id=asked.user_id,
        session_id=asked.session_id,
        after=asked.after,
    )
    await _caught_up(here, who)
    answer = here.runtime.rank(who, asked.items, asked.given)
    here.observer.answer(answer.freshness_ms / 1000)
    return _named(request, answer)


@get(
    "/v1/recommend/{user_id:str}",
    opt=said(
        Doc(
            "Recommend to a user",
            "Lists",
            answer=Answer,
            example=ANSWER,
            query=RecommendQuery,
            errors=BAD | {404: "There is no such surface."},
        )
    ),
)
async def get_recommend(request: Connection) -> ASGIApp:
    """The short form."""
    user, asked = path_id(request, "user_id"), query(request, RecommendQuery)
    here = serving(request)
    query_ = Query(
        surface=asked.surface,
        user_id=user,
        session_id=asked.session_id,
        n=asked.n,
        after=asked.after,
        cursor=asked.cursor,
    )
    return _named(request, await _awaited(here, query_))


@get(
    "/v1/items/{item_id:str}/similar",
    opt=said(
        Doc(
            "Similar items",
            "Lists",
            answer=Answer,
            example=ANSWER,
            query=CountQuery,
            description="What people who had to do with this item had to do with besides.",
            errors=BAD | {404: "Nothing is known of such an item."},
        )
    ),
)
async def get_similar(request: Connection) -> ASGIApp:
    """Neighbours of one item."""
    item, asked = item_id(request), query(request, CountQuery)
    return json_reply(serving(request).runtime.similar(item, asked.n))


@get(
    "/v1/trending",
    opt=said(
        Doc(
            "Trending items",
            "Lists",
            answer=Answer,
            example=ANSWER,
            query=TrendingQuery,
            more_query=True,
            description="What is popular now. What a surface's trend is split by says which part "
            "of it: `city=Vienna`, `hour_of_day=13`. Any other text field of the catalogue "
            "narrows it: "
            "`category=shoes`. `rising=true`: what is more popular now than it usually is.",
            errors=BAD | {404: "There is no such window."},
        )
    ),
)
async def get_trending(request: Connection) -> ASGIApp:
    """Popularity by window, narrowed by catalogue fields."""
    asked = query(request, TrendingQuery)
    where = {k: v for k, v in request.query_params.items() if k not in ("window", "n", "rising")}
    if any(not value for value in where.values()):
        name = next(k for k, v in where.items() if not v)
        raise BadRequest("It is empty.", path=f"$.{name}", code="bad_parameter")
    return json_reply(serving(request).runtime.trending(asked.window, asked.n, where, asked.rising))


def express(here: Serving) -> dict[bytes, Route]:
    """The long form, in the express lane; the past is read in a thread here too."""
    tasks: set[asyncio.Task[None]] = set()

    def reply(exchange: Exchange, asked: Query) -> None:
        told(exchange, _answer(here, asked))

    def told(exchange: Exchange, made: Answer) -> None:
        if not exchange.named:
            exchange.request_id = made.request_id
        exchange.reply(json_reply(made))

    async def past(exchange: Exchange, asked: Query) -> None:
        try:
            told(exchange, await asyncio.to_thread(here.runtime.recommend_as_of, asked))
        except Exception as error:
            exchange.fail(error)

    def reply_late(exchange: Exchange, asked: Query) -> None:
        try:
            reply(exchange, asked)
        except Exception as error:
            exchange.fail(error)

    def answer(exchange: Exchange) -> None:
        asked = _query(decoded(_body, exchange.body))
        if asked.as_of is not None:
            task = asyncio.ensure_future(past(exchange, asked))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            return
        waiting = here.runtime.prepared(asked)
        if waiting is None:
            reply(exchange, asked)
        else:
            waiting.add_done_callback(lambda _: reply_late(exchange, asked))

    return {b"POST /v1/recommend": Route("/v1/recommend", JSON, answer)}


def _query(asked: RecommendBody) -> Query:
    return Query(
        surface=asked.surface,
        user_id=asked.user_id,
        session_id=asked.session_id,
        n=asked.n,
        after=asked.after,
        context=asked.context,
        rules=asked.rules,
        cursor=asked.cursor,
        as_of=None if asked.as_of is None else milliseconds(asked.as_of),
    )


async def _caught_up(here: Serving, asked: Query) -> None:
    waiting = here.runtime.caught_up(asked.after)
    if waiting is not None:
        await waiting


async def _awaited(here: Serving, asked: Query) -> Answer:
    waiting = here.runtime.prepared(asked)
    if waiting is not None:
        await waiting
    return _answer(here, asked)


def _answer(here: Serving, asked: Query) -> Answer:
    answer = here.runtime.answer(asked)
    here.observer.answer(answer.freshness_ms / 1000)
    return answer


def _named(request: Connection, answer: Answer) -> Reply:
    state = request.scope["state"]
    if not state["named"]:  # the header says what the body says, unless the caller named it
        state["request_id"] = answer.request_id
    return json_reply(answer)


routes = (post_recommend, post_rank, get_recommend, get_similar, get_trending)
