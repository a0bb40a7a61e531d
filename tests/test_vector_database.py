"""Item vectors in a vector database, searched beside requests."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from tests.opened import Opened, event, post, put
from tests.serve.conftest import serving
from tests.vector_shop import PATIENT, asked, collection_of, fill, settings, shop, until, written

from afresh import available
from afresh.runtime import Runtime
from afresh.surface import Query


@pytest.fixture
def runtime(opened: Opened) -> Runtime:
    """A shop of four things that are in its database, and a visitor who saw the red scarf."""
    made = opened(shop(), settings("embedded://"))
    fill(made)
    post(made, event(event_type="view", session_id="s", item_id="red"))
    until(lambda: written(made))
    return made


def test_an_answer_is_what_the_database_says(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afresh.vectors.searching.FRESH_S", 0.05)
    listed, degraded = asked(runtime)
    assert listed[0] == "blue"
    assert degraded == []
    assert runtime.stats()["vectors_searched"].answered >= 1
    collection = collection_of(runtime)
    assert collection.count() == 4
    red = runtime.replica.catalog.number("red")
    known, rows = runtime.surfaces.sources.vectors.of(np.array([red]))
    assert known.all()
    collection.upsert(["saw"], rows, [{}])  # as if the saw were a red scarf
    until(lambda: asked(runtime)[0][0] == "saw")


def test_what_changes_and_goes_is_written(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = collection_of(runtime)
    put(runtime, "drill", title="red wool scarf, long", price=1)
    asyncio.run(runtime.delete_item("blue"))
    until(lambda: written(runtime) and collection.count() == 3)
    monkeypatch.setattr("afresh.vectors.searching.FRESH_S", 0.05)
    until(lambda: asked(runtime)[0][0] == "drill")


def test_a_replay_says_the_same(runtime: Runtime) -> None:
    answer = runtime.recommend(Query(session_id="s"))
    put(runtime, "later", title="red wool scarf", price=1)
    said = runtime.explain(answer.request_id, replay=True)
    assert said.replay is not None
    assert said.replay.same
    assert answer.items[0].item_id == "blue"


def closed_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def test_without_the_database_the_index_here_answers_and_says_so(opened: Opened) -> None:
    runtime = opened(shop(), settings(f"qdrant://127.0.0.1:{closed_port()}"))
    fill(runtime)
    post(runtime, event(event_type="view", session_id="s", item_id="red"))
    listed, degraded = asked(runtime)
    assert listed[0] == "blue"
    assert degraded == ["vectors"]
    until(lambda: runtime.vector_writing.failure)  # type: ignore[union-attr]
    counts = runtime.stats()
    assert counts["vectors_searched"].failed
    assert counts["vectors_written"].waiting
    assert not counts["vectors_written"].ready
    answer = runtime.recommend(Query(session_id="s"))
    said = runtime.explain(answer.request_id, replay=True)
    assert said.replay is not None
    assert said.replay.same


def test_a_database_that_takes_too_long_is_not_waited_for(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runtime.searching is not None
    current = runtime.searching._current

    def slow() -> object:
        time.sleep(0.5)
        return current()

    monkeypatch.setattr(runtime.searching, "_current", slow)
    runtime.settings = settings("embedded://", vectors_timeout="1ms")
    listed, degraded = asked(runtime)
    assert listed[0] == "blue"
    assert degraded == ["vectors"]
    until(lambda: asked(runtime)[1] == [])  # what came late is there for the next


def test_what_a_surface_shows_to_nobody_is_not_searched(opened: Opened) -> None:
    runtime = opened(shop(available("sold")), settings("embedded://"))  # sold: what has been
    fill(runtime)
    for item in ("red", "drill"):
        put(runtime, item, title=f"a {item} thing of wool scarf", price=1, sold=True)
    post(runtime, event(event_type="view", session_id="s", item_id="red"))
    until(lambda: written(runtime))
    answer = runtime.recommend(Query(session_id="s"))
    assert answer.degraded == []
    runtime.traces.flush()
    trace = runtime.traces.get(answer.request_id)
    assert trace is not None
    assert trace.heard is not None
    (heard,) = trace.heard
    assert heard is not None
    assert sorted(heard.ids) == ["drill", "red"]


def test_a_rank_request_asks_no_database(runtime: Runtime) -> None:
    answer = runtime.rank(Query(session_id="s"), ["saw", "blue"])
    assert answer.items[0].item_id == "blue"
    assert answer.degraded == []
    assert runtime.stats()["vectors_searched"].answered == 0


def test_over_http_too(tmp_path: Path) -> None:
    given = {"vectors": "embedded://", "vectors_timeout": PATIENT}
    with serving(tmp_path, app=shop(), **given) as served:
        fill(served.runtime)
        until(lambda: written(served.runtime))
        served.client.post("/v1/events", json=served.view("red", "s"))
        for path in ("/v1/recommend", "/v1/recommend?"):  # the express lane, and the long way
            said = served.client.post(path, json={"session_id": "s"}).json()
            assert said["items"][0]["item_id"] == "blue"
            assert said["degraded"] == []
        assert served.runtime.stats()["vectors_searched"].answered == 1
        metrics = served.client.get("/metrics").text
        assert 'afresh_vectors_questions_total{outcome="answered"} 1.0' in metrics
        assert "afresh_vectors_waiting_items 0.0" in metrics
        assert "afresh_vectors_writable 1.0" in metrics
