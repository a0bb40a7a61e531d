"""Made-up histories for the tests of evaluations: small, and decided by their arguments."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl

from afresh import App, Catalog, neighbours, seen, trending
from afresh.evaluation.stream import Stream, read_stream
from afresh.evaluation.wanted import Wanted

START = 1_700_000_000_000
MINUTE = 60_000


def shop(scorer: str = "blend", **surface: Any) -> App:
    app = App("judged", features=[])
    app.event("view")
    app.event("hide", weight=0)
    said: dict[str, Any] = {"sources": [neighbours(), trending("1h")], "filters": []}
    app.surface("home", scorer=scorer, **{**said, **surface})
    app.surface("unseen", sources=[neighbours()], filters=[seen()], n=5)
    return app


def event(session: str, item: str, at: int, **more: Any) -> dict[str, Any]:
    return {
        "event_type": "view", "session_id": session, "item_id": item, "timestamp": START + at,
        "user_id": None, **more,
    }  # fmt: skip


def walks(n: int, seed: int = 1, items: int = 12) -> list[dict[str, Any]]:
    """Sessions that walk along a ring of items, a step a minute, one begun every two minutes."""
    rng, out = random.Random(seed), []
    for session in range(n):
        at = rng.randrange(items)
        for step in range(rng.randint(2, 6)):
            moment = (2 * session + step) * MINUTE + rng.randrange(1000)
            out.append(event(f"s{session}", f"i{at % items}", moment))
            at += rng.choice([1, 1, 1, 2, -1])
    return out


def written(events: list[dict[str, Any]], path: Path) -> Path:
    pl.DataFrame(events, infer_schema_length=None).write_parquet(path)
    return path


def stream_of(
    events: list[dict[str, Any]], folder: Path, wanted: Wanted | None = None,
    app: App | None = None, test: str | None = None,
) -> Stream:  # fmt: skip
    wanted = wanted or Wanted()
    path = written(events, folder / "events.parquet")
    accepted = (app or shop()).plan().accepted
    return read_stream(path, accepted, ties=wanted.ties, seed=wanted.seed, test=test)


class Products(Catalog):
    title: str
    kind: str
    price: int
