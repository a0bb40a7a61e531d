"""A server that holds nothing answers features as the one that folds, from the store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from engines import free_port
from tests.conftest import needs_valkey
from tests.serve.conftest import SHOP, Served, serving
from tests.valkey_server import Server, valkey_server

from afresh.errors import AfreshError, Overloaded
from afresh.loading import load
from afresh.log.token import Place, write_token
from afresh.serve.server import address, bind, make_server
from afresh.settings import Settings
from afresh.store import Put
from afresh.store.memory import MemoryStore
from afresh.store.opening import open_store
from afresh.stored_answers import AT_ONCE, StoredAnswers
from afresh.watch.metrics import observed_store_app

pytestmark = pytest.mark.engine


@contextmanager
def reading(**given: Any) -> Iterator[httpx.Client]:
    """A client of a server that answers from the store that the settings name."""
    settings = Settings(port=0, **given)
    answers = StoredAnswers(load(SHOP).plan(), open_store(settings), settings.store_prefix)
    server = make_server(observed_store_app(answers, settings), settings)
    socket = bind(settings)
    url = address(socket)
    thread = threading.Thread(target=server.run, args=([socket],))
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        with httpx.Client(base_url=url, timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
        answers.close()


@pytest.fixture(scope="module")
def writer(valkey: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("written")
    with serving(folder, store=valkey.url, store_prefix="served", store_timeout=20_000) as served:
        yield served


@pytest.fixture(scope="module")
def reader(valkey: Server, writer: Served) -> Iterator[httpx.Client]:
    with reading(store=valkey.url, store_prefix="served", store_timeout=20_000) as client:
        yield client


def sent(writer: Served, *items: str, session: str = "s1") -> str:
    """Views of a session; the token of where they stand."""
    posted = writer.client.post("/v1/events", json=[writer.view(i, session) for i in items])
    assert posted.status_code == 202, posted.text
    return str(posted.json()["offset"])


KEYS = {"item_id": ["i1", "i2", "never"], "user_id": ["s:s1", "nobody"]}


def fresh_rows(client: httpx.Client, asked: dict[str, Any]) -> Any:
    """The rows, once they reflect what is asked for."""
    until, found = time.monotonic() + 20, {"fresh": False}
    while not found.get("fresh", True) and time.monotonic() < until:
        answer = client.post("/v1/features", json=asked)
        assert answer.status_code == 200, answer.text
        found = answer.json()
    assert "fresh" not in found
    return found["rows"]


def test_its_answers_are_those_of_the_server_that_folds(
    writer: Served, reader: httpx.Client
) -> None:
    asked = {"keys": KEYS, "after": sent(writer, "i1", "i2", "i1")}
    # Read before and after, since a window may end in between.
    before, rows, after = (fresh_rows(c, asked) for c in (writer.client, reader, writer.client))
    assert rows in (before, after)
    assert rows[0]["views_now"] == 2
    named = reader.post(
        "/v1/features", json={"keys": {"item_id": ["i1"]}, "features": ["views_now"]}
    )
    assert named.json()["rows"] == [{"item_id": "i1", "views_now": 2}]


def test_what_the_store_cannot_reflect_yet_is_not_called_fresh(
    writer: Served, reader: httpx.Client
) -> None:
    sent(writer, "i1")
    log = writer.runtime.log.id
    ahead = write_token(Place(log, (writer.runtime.replica.offset + 1000,), 0))
    for server in (reader, writer.client):
        found = server.post("/v1/features", json={"keys": {"item_id": ["i1"]}, "after": ahead})
        assert found.json()["fresh"] is False
    foreign = write_token(Place("another", (0,), 0))
    for server in (reader, writer.client):
        for token in (foreign, "no token"):
            asked = {"keys": {"item_id": ["i1"]}, "after": token}
            assert server.post("/v1/features", json=asked).status_code == 400


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"keys": {"item_id": ["i1"]}, "as_of": 1_700_000_000_000}, 400, "no past"),
        ({"keys": {"item_id": ["i1"]}, "features": ["views_nwo"]}, 404, "views_now"),
        ({"keys": {"brand_id": ["i1"]}}, 400, "brand_id"),
        ({"keys": {"item_id": "i1"}}, 400, "keys"),
    ],
)
def test_what_it_cannot_answer_it_says(
    reader: httpx.Client, body: Any, status: int, says: str
) -> None:
    answer = reader.post("/v1/features", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.text


def test_it_has_no_other_routes_than_its_own(reader: httpx.Client) -> None:
    paths = reader.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/v1/features", "/livez", "/readyz", "/version", "/metrics", "/openapi.json", "/docs",
    }  # fmt: skip
    assert reader.post("/v1/events", json=[]).status_code == 404
    assert reader.get("/readyz").json() == {"status": "ready"}
    assert 'route="/v1/features"' in reader.get("/metrics").text
    assert reader.get("/version").json()["app"] == "shop"


def test_the_writer_counts_what_it_writes(writer: Served) -> None:
    sent(writer, "i9")
    until = time.monotonic() + 20
    shown = ""
    while "afresh_store_behind_records 0.0" not in shown and time.monotonic() < until:
        shown = writer.client.get("/metrics").text
    assert "afresh_store_ready 1.0" in shown
    assert 'afresh_store_values_total{outcome="refused"} 0.0' in shown


def test_without_its_store_it_is_up_and_says_why_it_cannot_answer(tmp_path: Path) -> None:
    needs_valkey()
    with valkey_server(tmp_path) as server:
        given: dict[str, Any] = {"store": server.url, "store_timeout": 3000, "api_key": "k"}
        with reading(**given) as client:
            client.headers["x-api-key"] = "k"
            ready = client.get("/readyz")
            assert ready.status_code == 503
            assert "holds nothing" in ready.text
            server.kill()
            asked = {"keys": {"item_id": ["i1"]}}
            answer = client.post("/v1/features", json=asked)
            assert answer.status_code == 503
            assert "store_timeout" in answer.text
            assert "afresh_ready 0.0" in client.get("/metrics").text
            assert client.get("/livez").status_code == 200
            client.headers.pop("x-api-key")
            assert client.post("/v1/features", json=asked).status_code == 401


def test_a_damaged_store_is_said_and_mended(writer: Served, reader: httpx.Client) -> None:
    fresh_rows(reader, {"keys": KEYS, "after": sent(writer, "i7")})
    assert writer.runtime.writing is not None
    keys = writer.runtime.writing.keys
    prefix = keys.prefix(writer.runtime.writing.generation, "item_id")
    store = open_store(writer.runtime.settings)
    for key in (prefix + b"i7", keys.head):
        store.replace(Put(key, b"what nobody wrote, longer than a header is"), 60_000)
        answer = reader.post("/v1/features", json={"keys": {"item_id": ["i7"]}})
        assert answer.status_code == 503
        assert "store" in answer.json()["detail"]
        rows, until = None, time.monotonic() + 20
        token = sent(writer, "i7")
        while rows is None and time.monotonic() < until:
            answer = reader.post("/v1/features", json={"keys": {"item_id": ["i7"]}, "after": token})
            rows = answer.json().get("rows") if "fresh" not in answer.json() else None
        assert answer.status_code == 200, answer.text


def test_more_than_may_wait_are_refused_at_once() -> None:
    answers = StoredAnswers(load(SHOP).plan(), MemoryStore(), "full")
    with ExitStack() as waiting:
        for _ in range(AT_ONCE):
            waiting.enter_context(answers.room())
        with pytest.raises(Overloaded), answers.room():
            pass
    with answers.room():
        pass


def test_the_command_starts_without_its_store_and_ends_in_order(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "afresh.cli",
        "serve",
        str(SHOP),
        "--store-only",
        "--port",
        "0",
    ]
    there = {**os.environ, "AFRESH_STORE": f"redis://127.0.0.1:{free_port()}/0"}
    there["AFRESH_LOG_FORMAT"] = "json"
    process = subprocess.Popen(command, env=there, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        assert process.stderr is not None
        told = next(json.loads(line) for line in process.stderr if "serving_from_store" in line)
        answer = httpx.post(f"{told['url']}/v1/features", json={"keys": {"item_id": ["i1"]}})
        assert answer.status_code == 503
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_server_of_no_store_does_not_start() -> None:
    with pytest.raises(AfreshError, match="No store is named"):
        open_store(Settings())
