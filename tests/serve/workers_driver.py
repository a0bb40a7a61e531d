"""`afresh serve --workers` with one more route, which says what state a worker is in."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litestar import get

from afresh.follow.follower import Follower
from afresh.loading import load
from afresh.service import Service
from afresh.settings import load_settings
from afresh.watch.workers import run_workers


def routes(service: Service) -> Sequence[Any]:
    @get("/state")
    async def state() -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "writes": not isinstance(service, Follower),
            "offset": service.replica.offset,
            "canonical": hashlib.sha256(service.replica.canonical()).hexdigest(),
        }

    return [state]


if __name__ == "__main__":
    definition, folder = Path(sys.argv[1]), Path(sys.argv[2])
    given = dict(pair.split("=", 1) for pair in sys.argv[3:])
    settings = load_settings(definition, data=folder, port=0, log_format="json", **given)
    run_workers(load(definition), folder, settings, routes=routes)
