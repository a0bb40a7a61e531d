"""Item vectors written into a vector database, behind the fold; collections made anew."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import missing_engine
from tests.opened import Opened, event, post, put
from tests.serve.conftest import SHOP
from tests.vector_databases import lacking, running
from tests.vector_shop import (
    asked,
    collection_of,
    database_of,
    fill,
    settings,
    shop,
    until,
    written,
)
from typer.testing import CliRunner

from afresh import App, Catalog, text
from afresh.cli import app as cli
from afresh.errors import AfreshError
from afresh.loading import load
from afresh.runtime import Runtime
from afresh.vector_rebuild import make_anew
from afresh.vectors.databases import Shape
from afresh.vectors.databases.connection import vectors_of
from afresh.vectors.databases.filters import OneOf
from afresh.vectors.databases.target import target_of
from afresh.vectors.hashing import HashedText


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


def test_who_loses_the_alias_to_another_encoder_stops_writing(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afresh.vector_writing.CHECK_S", 0.0)
    runtime = opened(shop(), settings("embedded://"))
    fill(runtime)
    until(lambda: written(runtime))
    database = database_of(runtime)
    own = str(database.live("afresh"))
    database.make("afresh_00000000_1", Shape(3))
    database.switch("afresh", "afresh_00000000_1")
    put(runtime, "saw", title="garden saw", price=2)
    writing = runtime.vector_writing
    assert writing is not None
    until(lambda: writing.failure)
    assert "made by another encoder" in str(writing.failure)
    assert database.live("afresh") == "afresh_00000000_1"
    assert not writing.counts().ready
    database.switch("afresh", own)
    until(lambda: written(runtime))


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
