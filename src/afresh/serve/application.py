"""The application: the routes over one runtime, behind the gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler

from afresh.serve import events, explain, features, health, items, live, modules, pages, recommend
from afresh.serve.access import Access
from afresh.serve.express import Express
from afresh.serve.gate import Gate
from afresh.serve.observe import Observer, Requests, Unobserved
from afresh.serve.openapi import Document, document
from afresh.serve.problem import on_error
from afresh.serve.serving import Serving
from afresh.serve.site import make_site, site_files
from afresh.service import Service
from afresh.settings import Settings

ROUTES: tuple[HTTPRouteHandler, ...] = (
    *events.routes,
    *recommend.routes,
    *explain.routes,
    *live.routes,
    *items.routes,
    *features.routes,
    *health.routes,
    *pages.routes,
    *modules.routes,
)


def create_app(
    runtime: Service,
    settings: Settings,
    extra_routes: Sequence[Any] = (),
    observer: Observer | None = None,
) -> Gate:
    """The ASGI app that serves a runtime, which stays open when the server ends.

    `extra_routes` are route handlers or routers of the framework: a page, the metrics.
    """
    told = observer or Unobserved()
    described = [*ROUTES, *(r for r in extra_routes if isinstance(r, HTTPRouteHandler))]
    made = document(described, runtime.plan, secured=settings.key() is not None)
    here = Serving(runtime, settings, told)
    hub = live.make_hub(here)
    files = site_files(settings.site) if settings.site else {}
    taken = {path for route in described for path in route.paths}
    site = [make_site(files, taken)] if files else []
    inner = Litestar(
        [*ROUTES, *site, *extra_routes],
        openapi_config=None,
        exception_handlers={Exception: on_error},
        logging_config=None,
        state=State({"serving": here, "answering": runtime, "openapi": made, "live": hub}),
        request_max_body_size=None,
    )
    access, requests = Access(settings, files), Requests(told, settings.access_log)
    lane = (
        events.express(here) | recommend.express(here) | features.express(here) | health.express()
    )
    return Gate(inner, access, requests, Express(lane, access, requests), hub.close)


def openapi() -> Document:
    """The document of a server with any definition."""
    return document(ROUTES)
