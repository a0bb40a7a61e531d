"""Item vectors in a vector database: written behind the fold, searched beside requests."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import missing_engine
from tests.opened import Opened, event, post, put
from tests.serve.conftest import SHOP, serving
from tests.vector_databases import lacking, running
from typer.testing import CliRunner

from afresh import App, Catalog, available, text, trending
from afresh.cli import app as cli
from afresh.errors import AfreshError
from afresh.loading import load
from afresh.runtime import Runtime
from afresh.settings import Settings
from afresh.surface import Query
from afresh.surfaces.spec import Filter
from afresh.vector_rebuild import make_anew
from afresh.vectors.databases import Collection, VectorDatabase
from afresh.vectors.databases.connection import vectors_of
from afresh.vectors.databases.filters import OneOf
from afresh.vectors.databases.target import target_of
from afresh.vectors.hashing import HashedText

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


@pytest.fixture(params=[pytest.param("qdrant", marks=pytest.mark.engine)])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database that outlives a server."""
    if lack := lacking(request.param):
        missing_engine(request.param, f"Install: {lack}")
    with running(request.param, tmp_path / "database") as url:
        yield url


def test_a_new_start_writes_only_what_changed(opened: Opened, kept: str) -> None:
    runtime = opened(shop(), settings(kept))
    fill(runtime)
    until(lambda: written(runtime))
    runtime = opened(shop(), settings(kept))
    until(lambda: written(runtime))
    assert runtime.stats()["vectors_written"].written == 0
    runtime = opened(shop(), settings("embedded://"))
    put(runtime, "saw", title="garden saw", price=2)
    until(lambda: written(runtime))
    runtime = opened(shop(), settings(kept))
    until(lambda: written(runtime))
    assert runtime.stats()["vectors_written"].written == 4  # another collection was written last


def test_a_new_catalogue_has_a_new_collection_and_the_old_one_goes(
    opened: Opened, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afresh.vector_writing.GRACE_S", 0.1)
    runtime = opened(shop(), settings(kept))
    fill(runtime)
    until(lambda: written(runtime))
    before = database_of(runtime).live("afresh")

    class Things(Catalog):
        title: str
        price: float
        sold: bool = False
        colour: str = "grey"

    wider = App("shop", catalog=Things)
    wider.events("view")
    wider.surface("home", sources=[text(weight=1.0)], n=5)
    runtime = opened(wider, settings(kept))
    until(lambda: written(runtime))
    database = database_of(runtime)
    live = database.live("afresh")
    assert live is not None
    assert live != before
    until(lambda: database.names() == [live])
    assert collection_of(runtime).count() == 4


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[str]:
    """A database that several servers can open at a time."""
    if lack := lacking("pgvector"):
        missing_engine("PostgreSQL", f"Install: {lack}")
    with running("pgvector", tmp_path) as url:
        yield url


@pytest.mark.engine
def test_one_writes_others_read_and_a_rebuild_leaves_no_gap(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afresh.vectors.searching.FRESH_S", 0.1)
    monkeypatch.setattr("afresh.vectors.searching.LOOK_S", 0.05)
    monkeypatch.setattr("afresh.vector_rebuild.GRACE_S", 1.0)
    monkeypatch.setattr("afresh.vector_writing.CHECK_S", 0.1)
    given = settings(postgres, data=tmp_path / "writer")
    writer = Runtime.open(shop(), tmp_path / "writer", given)
    reader = Runtime.open(shop(), tmp_path / "reader", settings(postgres, vectors_write=False))
    try:
        for each in (writer, reader):
            fill(each)
            post(each, event(event_type="view", session_id="s", item_id="red"))
        assert reader.vector_writing is None
        until(lambda: written(writer))
        before = database_of(writer).live("afresh")
        assert database_of(reader).names() == [before]
        until(lambda: asked(reader)[1] == [])
        failed = reader.stats()["vectors_searched"].failed
        done = threading.Thread(
            target=make_anew, args=(shop(), given, vectors_of(given), lambda *said: None)
        )
        done.start()
        while done.is_alive():
            assert asked(reader)[0][0] == "blue"
        counts = reader.stats()["vectors_searched"]
        assert counts.failed == failed
        assert counts.answered > 5
        live = database_of(reader).live("afresh")
        assert live != before
        assert database_of(reader).names() == [live]
        put(writer, "drill", title="red wool scarf", price=1)
        put(reader, "drill", title="red wool scarf", price=1)
        until(lambda: collection_of(writer).name == live and written(writer))
        drill = OneOf("title", ("red wool scarf",))
        until(lambda: collection_of(reader).search(np.ones(64), 5, drill).ids != ["red"])
    finally:
        reader.close()
        writer.close()


def test_the_command_says_how_it_stands_and_makes_anew(
    opened: Opened, kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afresh.vector_rebuild.GRACE_S", 0.0)
    runtime = opened(load(SHOP), settings(kept))
    put(runtime, "red", title="red wool scarf", category="scarves", price_cents=100)
    until(lambda: written(runtime))
    opened.leave()
    asked = [str(SHOP), "--data", str(tmp_path), "--vectors", kept]
    shown = CliRunner().invoke(cli, ["vectors", "status", *asked])
    assert shown.exit_code == 0, shown.output
    assert re.search(r"live +afresh_[0-9a-f]{8}_1\n", shown.output)
    assert re.search(r"points +1 of 64 dimensions, cosine", shown.output)
    assert re.search(r"behind +0 records", shown.output)
    made = CliRunner().invoke(cli, ["vectors", "rebuild", "--json", *asked])
    assert made.exit_code == 0, made.output
    said = json.loads(made.stdout.splitlines()[-1])
    assert said["collection"].endswith("_2")
    assert said["points"] == 1
    shown = CliRunner().invoke(cli, ["vectors", "status", "--json", *asked])
    found = json.loads(shown.stdout)
    assert (found["live"], found["count"], found["others"]) == (said["collection"], 1, [])
    assert found["behind"] is None  # the server has not written there yet


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://host", "no address of a vector database"),
        ("qdrant", "no address of a vector database"),
        ("postgresql://me:secret@host/db", "holds a password"),
    ],
)
def test_a_wrong_address_is_refused_without_its_secret(opened: Opened, url: str, said: str) -> None:
    with pytest.raises(AfreshError, match=said) as refused:
        opened(shop(), settings(url))
    assert refused.value.hint
    assert "secret" not in str(refused.value)


def test_a_target_is_of_the_encoder_the_texts_and_the_fields() -> None:
    plan = shop().plan()
    target = target_of("afresh", plan, HashedText(64))
    assert [field.name for field in target.shape.fields] == ["title", "price", "sold"]
    assert [field.kind for field in target.shape.fields] == ["text", "number", "flag"]
    assert target.fingerprint != target_of("afresh", plan, HashedText(32)).fingerprint
    name = target.next_name([])
    assert target.is_own(name)
    assert target.next_name([name, "afresh_00000000_9", "other"]) != name
    assert target.of_alias([name, "afresh_00000000_9", "afresh_more_00000000_9"]) == [
        name, "afresh_00000000_9",
    ]  # fmt: skip
