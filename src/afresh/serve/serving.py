"""What every route needs, found through the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from litestar import Request

from afresh.features.plan import Plan
from afresh.serve.observe import Observer
from afresh.service import Service
from afresh.settings import Settings


class Answering(Protocol):
    """What every server says of itself, whatever it answers."""

    plan: Plan

    def ready(self) -> tuple[bool, str]:
        """Whether a balancer should send requests here; and if not, why."""


@dataclass(frozen=True, slots=True)
class Serving:
    """One server: what answers, how it is set, who watches."""

    runtime: Service
    settings: Settings
    observer: Observer


def answering(request: Request[Any, Any, Any]) -> Answering:
    """What answers the requests of this server."""
    found: Answering = request.scope["litestar_app"].state["answering"]
    return found


def serving(request: Request[Any, Any, Any]) -> Serving:
    """The server that a request came to."""
    found: Serving = request.scope["litestar_app"].state["serving"]
    return found
