"""The application of a server that answers features from a store, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from litestar import Litestar, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from afresh.serve import features, health, pages
from afresh.serve.access import Access
from afresh.serve.body import JSON, Connection, read_body
from afresh.serve.express import Express
from afresh.serve.gate import Gate
from afresh.serve.observe import Observer, Requests
from afresh.serve.openapi import document
from afresh.serve.problem import on_error
from afresh.serve.reply import json_reply
from afresh.settings import Settings
from afresh.stored_answers import StoredAnswers


def create_store_app(
    answers: StoredAnswers, settings: Settings, extra_routes: Sequence[Any], observer: Observer
) -> Gate:
    """The ASGI app; `answers` stay open when the server ends."""

    @post("/v1/features", status_code=200, opt=features.DESCRIBED)
    async def post_features(request: Connection) -> ASGIApp:
        """In a thread, since it waits for the store."""
        body, _ = await read_body(request, settings.max_body_bytes, JSON)
        asked = features.asked_of(settings, body)
        moment = None if asked.as_of is None else features.milliseconds(asked.as_of)
        given = asked.keys, asked.features, moment, asked.after
        with answers.room():
            return json_reply(await asyncio.to_thread(answers.features, *given))

    routes = [post_features, *health.routes, *pages.routes, *extra_routes]
    described = [route for route in routes if isinstance(route, HTTPRouteHandler)]
    made = document(described, answers.plan, secured=settings.key() is not None)
    inner = Litestar(
        routes,
        openapi_config=None,
        exception_handlers={Exception: on_error},
        logging_config=None,
        state=State({"answering": answers, "openapi": made}),
        request_max_body_size=None,
    )
    access, requests = Access(settings), Requests(observer, settings.access_log)
    lane = Express(health.express(), access, requests)
    return Gate(inner, access, requests, lane, lambda: None)
