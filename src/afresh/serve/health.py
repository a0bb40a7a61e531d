"""`/livez`, `/readyz`, `/version`: what a supervisor asks."""

from __future__ import annotations

import asyncio
import platform
import time
from importlib.metadata import version

import msgspec
from litestar import get
from litestar.types import ASGIApp

from afresh.errors import Unavailable
from afresh.serve.body import Connection
from afresh.serve.described import Doc, said
from afresh.serve.express import Route
from afresh.serve.reply import json_reply
from afresh.serve.serving import answering


class Health(msgspec.Struct):
    status: str


class Version(msgspec.Struct):
    """What runs: the package, and the definition by its plan's hash; and when it is there (UTC
    ms)."""

    afresh: str
    python: str
    app: str
    plan: str
    clock: int


@get("/livez", opt=said(Doc("Is the process alive?", "Operation", Health, {"status": "alive"})))
async def livez(request: Connection) -> ASGIApp:
    """Always, when it can answer at all."""
    return json_reply(Health("alive"))


@get(
    "/readyz",
    opt=said(
        Doc(
            "Can it take events and answer?",
            "Operation",
            Health,
            {"status": "ready"},
            description="The log can be written, and everything in it is folded. Of several "
            "workers the one that is asked speaks for itself; one that only follows the log is "
            "ready as long as it does.",
            errors={503: "Not now; `detail` says why."},
        )
    ),
)
async def readyz(request: Connection) -> ASGIApp:
    """Send traffic only to a server that says so."""
    ready, why = await asyncio.to_thread(answering(request).ready)  # it may ask a store
    if not ready:
        raise Unavailable(f"Not ready: {why}", hint="Wait; it becomes ready by itself.")
    return json_reply(Health("ready"))


@get("/version", opt=said(Doc("What runs here?", "Operation", Version)))
async def get_version(request: Connection) -> ASGIApp:
    """The package's version and the definition's hash."""
    plan = answering(request).plan
    now = time.time_ns() // 1_000_000
    told = Version(version("afresh"), platform.python_version(), plan.app, plan.hash, now)
    return json_reply(told)


def express() -> dict[bytes, Route]:
    """`/livez` in the express lane."""
    alive = json_reply(Health("alive"))
    return {b"GET /livez": Route("/livez", frozenset({b""}), lambda e: e.reply(alive))}


routes = (livez, readyz, get_version)
