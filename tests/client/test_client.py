"""The client against a real server, waiting and awaited."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
from tests.serve.conftest import Served, serving

import afresh
from afresh.client import AsyncClient, Client, RequestFailed, ServerUnreachable
from afresh.client.calls import CHUNK
from afresh.errors import MissingDependency


class Both:
    """The calls of `AsyncClient`, each awaited at once, so that one test is for both clients."""

    def __init__(self, url: str, **given: Any) -> None:
        self.loop = asyncio.new_event_loop()
        self.inner = AsyncClient(url, **given)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if name == "live":
            return lambda *a, **k: self._heard(found(*a, **k))
        if not inspect.iscoroutinefunction(found):
            return found
        return lambda *a, **k: self.loop.run_until_complete(found(*a, **k))

    def _heard(self, stream: AsyncIterator[Any]) -> Iterator[Any]:
        try:
            while True:
                yield self.loop.run_until_complete(anext(stream))
        finally:
            self.loop.run_until_complete(stream.aclose())  # type: ignore[attr-defined]

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.run_until_complete(self.inner.close())
        self.loop.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("client"), api_key="secret") as found:
        yield found


@pytest.fixture(params=[Client, Both], ids=["waiting", "awaited"])
def client(request: pytest.FixtureRequest, served: Served) -> Iterator[Any]:
    with request.param(served.url, key="secret") as made:
        yield made


def test_a_click_is_in_the_next_answer(client: Any) -> None:
    for s in range(3):
        events = [
            {"event_type": "buy", "session_id": f"s{s}", "item_id": i} for i in ("a/1", "a2", "a3")
        ]
        assert client.track_many(events).accepted == 3
    receipt = client.track("view", item_id="a2", user_id="u", session_id="mine")
    assert (receipt.accepted, receipt.rejected) == (1, [])
    assert client.after == receipt.offset
    answer = client.recommend(user_id="u", session_id="mine", n=2)
    assert answer.fresh
    assert {item.item_id for item in answer.items} == {"a/1", "a3"}
    assert {item.item_id for item in client.similar("a/1", n=2).items} == {"a2", "a3"}
    assert client.trending("7d", n=1).items[0].item_id in ("a/1", "a2", "a3")


def test_a_session_turns_out_to_be_somebody(client: Any) -> None:
    name = f"i-{uuid4().hex}"
    client.track("view", item_id="e1", session_id=name)
    assert client.identify(f"u{name}", name).accepted == 1
    rows = client.features({"user_id": [f"u{name}"]}, ["recent"]).rows
    assert rows[0]["recent"] == ["e1"]
    refused = client.identify("another", name).rejected
    assert [r.code for r in refused] == ["session_already_linked"]


def test_items_and_features(client: Any) -> None:
    client.put_item("b/1", title="A thing", category="things")
    client.track("view", item_id="b/1", user_id="ub")
    rows = client.features({"item_id": ["b/1"]}, ["views_hour"]).rows
    assert rows[0]["item_id"] == "b/1"
    assert rows[0]["views_hour"] >= 1
    found = client.trending("1h", category="things").items
    assert [item.item_id for item in found] == ["b/1"]


def test_verdicts_are_told_apart(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("afresh.client.calls.CHUNK", 2)
    good = {"event_type": "view", "item_id": "c1", "session_id": "c", "event_id": uuid4().hex}
    receipt = client.track_many([good, good, {"event_type": "nonsense"}, good])
    assert (receipt.accepted, receipt.duplicates) == (1, 2)
    assert [(r.index, r.code) for r in receipt.rejected] == [(2, "unknown_event_type")]
    receipt = client.track("nonsense")
    assert (receipt.accepted, len(receipt.rejected), receipt.offset) == (0, 1, "")


def test_many_are_sent_in_parts(client: Any, served: Served) -> None:
    before = served.runtime.stats()["accepted"]
    events = ({"event_type": "view", "item_id": f"d{i}", "user_id": "d"} for i in range(CHUNK + 1))
    assert client.track_many(events).accepted == CHUNK + 1
    assert served.runtime.stats()["accepted"] == before + CHUNK + 1
    assert client.track_many([]).accepted == 0


def test_an_open_list_tells_each_new_one(client: Any) -> None:
    name = f"o{uuid4().hex}"
    for s in range(3):
        events = [
            {"event_type": "buy", "session_id": f"{name}{s}", "item_id": f"{name}{i}"}
            for i in "abc"
        ]
        client.track_many(events)
    rules = {"exclude": [f"{name}c"]}
    heard = client.live(session_id=name, n=2, rules=rules, context={"city": "Vienna"})
    first = next(heard).items[0].item_id
    client.track("buy", item_id=first, session_id=name)  # the surface shows nobody what was bought
    after = next(heard)
    assert first not in [item.item_id for item in after.items]
    assert f"{name}c" not in [item.item_id for item in after.items]
    heard.close()
    with pytest.raises(RequestFailed) as refused:
        next(client.live(rules={"filter": "colour =="}))
    assert (refused.value.status, refused.value.path) == (400, "$.rules.filter")


def test_a_refusal_says_why(client: Any) -> None:
    with pytest.raises(RequestFailed) as refused:
        client.recommend("nowhere")
    assert refused.value.status == 404
    assert "nowhere" in refused.value.detail
    assert refused.value.title == "Not Found"
    assert refused.value.request_id
    with pytest.raises(RequestFailed) as refused:
        client.features({"item_id": ["a"]}, ["views_hours"])
    assert "views_hour" in refused.value.hint


def test_a_wrong_key_is_refused_at_once(served: Served) -> None:
    with Client(served.url, key="other") as client, pytest.raises(RequestFailed) as refused:
        client.track("view")
    assert refused.value.status == 401


def test_nobody_there() -> None:
    with (
        Client("http://127.0.0.1:9", retries=1) as client,
        pytest.raises(ServerUnreachable) as lost,
    ):
        client.track("view")
    assert "2 attempts" in lost.value.message


def test_without_httpx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingDependency) as missing:
        Client()
    assert "afresh[client]" in missing.value.hint


def test_it_is_imported_when_asked_for() -> None:
    assert afresh.Client is Client
    assert afresh.AsyncClient is AsyncClient
    code = (
        "import afresh, sys; assert 'afresh.client' not in sys.modules; from afresh import Client"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_both_have_the_same_calls() -> None:
    for name, call in inspect.getmembers(Client, inspect.isfunction):
        if not name.startswith("__") or name == "__init__":
            said = str(inspect.signature(getattr(AsyncClient, name)))
            assert str(inspect.signature(call)) == said.replace("AsyncIterator", "Iterator"), name
