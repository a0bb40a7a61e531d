"""What `afresh doctor` says of a vector database."""

from __future__ import annotations

from pathlib import Path

import pytest
from engines import free_port
from tests.vector_databases import lacking, running

from afresh import App, Catalog
from afresh.doctor.vectors import examine
from afresh.settings import Settings
from afresh.vectors.databases.connection import vectors_of
from afresh.vectors.databases.target import target_of
from afresh.vectors.text import text_encoder


class Things(Catalog):
    title: str


_app = App("shop", catalog=Things, features=[])
_app.event("view")
PLAN = _app.plan()


@pytest.mark.engine
def test_nothing_yet_then_what_another_made_then_our_own(tmp_path: Path) -> None:
    if lacking("qdrant"):
        pytest.skip(lacking("qdrant"))
    target = target_of("afresh", PLAN, text_encoder())
    with running("qdrant", tmp_path) as url:
        settings = Settings(vectors=url)
        said = []
        for name in (None, "afresh_00000000_1", target.next_name([])):
            if name is not None:
                connection = vectors_of(settings)
                connection.database().make(name, target.shape)
                connection.database().switch("afresh", name)
                connection.close()
            said.append([f.state for f in examine(settings, PLAN)])
    assert said == [["ok", "warning"], ["ok", "warning"], ["ok", "ok"]]


def test_one_that_is_not_there() -> None:
    (found,) = examine(Settings(vectors=f"postgresql://me@127.0.0.1:{free_port()}/shop"), PLAN)
    assert found.state == "error"
    assert found.hint
