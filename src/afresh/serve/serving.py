"""What every route needs, found through the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Request

from afresh.serve.observe import Observer
from afresh.service import Service
from afresh.settings import Settings


@dataclass(frozen=True, slots=True)
class Serving:
    """One server: what answers, how it is set, who watches."""

    runtime: Service
    settings: Settings
    observer: Observer


def serving(request: Request[Any, Any, Any]) -> Serving:
    """The server that a request came to."""
    found: Serving = request.scope["litestar_app"].state["serving"]
    return found
