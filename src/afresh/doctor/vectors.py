"""Examinations of the vector database."""

from __future__ import annotations

import time
from collections.abc import Iterator

from afresh.doctor import Finding
from afresh.errors import AfreshError
from afresh.features.plan import Plan
from afresh.settings import Settings
from afresh.vectors.databases.connection import vectors_of
from afresh.vectors.databases.target import target_of
from afresh.vectors.text import text_encoder


def examine(settings: Settings, plan: Plan | None) -> Iterator[Finding]:
    """Whether it answers, and whether what is searched there was made by this definition."""
    try:
        connection = vectors_of(settings)
        try:
            database = connection.database()
            database.names()
            began = time.perf_counter()
            live = database.live(settings.vectors_name)
            took = (time.perf_counter() - began) * 1000
            yield Finding("vectors", "ok", f"{database.where} answers in {took:.1f} ms")
        finally:
            connection.close()
    except AfreshError as error:
        yield Finding("vectors", "error", error.message, error.hint)
        return
    if plan is None or not plan.catalog.fields:
        return
    target = target_of(settings.vectors_name, plan, text_encoder())
    if live is None:
        hint = "A server with the setting `vectors` fills it; or `afresh vectors rebuild APP.py`."
        yield Finding("vectors", "warning", f"Nothing is searched as {target.alias} yet", hint)
    elif not target.is_own(live):
        yield Finding(
            "vectors", "warning", f"{live} is of another encoder, text or catalogue",
            "Until a server of this definition has filled its own, servers answer from their "
            "own index.",
        )  # fmt: skip
    else:
        yield Finding("vectors", "ok", f"{live} is what this definition would write")
