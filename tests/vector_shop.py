"""A small shop whose item vectors are in a vector database, and short ways to use it."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.opened import put

from afresh import App, Catalog, text, trending
from afresh.runtime import Runtime
from afresh.settings import Settings
from afresh.surface import Query
from afresh.surfaces.spec import Filter
from afresh.vectors.databases import Collection, VectorDatabase

LATE = 20.0
PATIENT = 60_000


class Things(Catalog):
    title: str
    price: float
    sold: bool = False


def shop(*filters: Filter) -> App:
    app = App("shop", catalog=Things)
    app.events("view")
    app.surface("home", sources=[text(weight=1.0), trending("1h", weight=0.01)],
                filters=[*filters], n=5)  # fmt: skip
    return app


def settings(url: str, **more: object) -> Settings:
    return Settings.model_validate({"vectors": url, "vectors_timeout": PATIENT, **more})


def until(what: Callable[[], object]) -> None:
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < LATE, "it does not come"
        time.sleep(0.01)


def written(runtime: Runtime) -> bool:
    counts = runtime.stats()["vectors_written"]
    return counts.ready and not counts.waiting


def fill(runtime: Runtime) -> None:
    for item, title in (("red", "red wool scarf"), ("blue", "blue wool scarf"),
                        ("drill", "cordless power drill"), ("saw", "hand saw")):  # fmt: skip
        put(runtime, item, title=title, price=3.5)


def database_of(runtime: Runtime) -> VectorDatabase:
    assert runtime.vectors is not None
    return runtime.vectors.database()


def collection_of(runtime: Runtime) -> Collection:
    """The one that is live."""
    database = database_of(runtime)
    assert runtime.searching is not None
    return database.make(str(database.live("afresh")), runtime.searching.target.shape)


def asked(runtime: Runtime, session: str = "s") -> tuple[list[str], list[str]]:
    """What is listed, and what had to be left out."""
    answer = runtime.recommend(Query(session_id=session))
    return [item.item_id for item in answer.items], answer.degraded
