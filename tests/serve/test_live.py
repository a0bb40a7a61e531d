"""Open lists: who is told, of what, and how they end."""

from __future__ import annotations

import gc
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from tests.serve.conftest import SHOP, Served

from afresh import because, trending
from afresh.live.listener import Listener
from afresh.loading import load

SOON = 10.0


class Stream:
    """A client of `/v1/live` that keeps the lists it was sent."""

    def __init__(self, response: httpx.Response) -> None:
        self.lists: list[dict[str, Any]] = []
        self.beats = 0
        self.ended = False
        self._response = response
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for line in self._response.iter_lines():
                if line.startswith("data: "):
                    self.lists.append(json.loads(line.removeprefix("data: ")))
                elif line == ":":
                    self.beats += 1
        except httpx.HTTPError:
            return
        self.ended = True

    @property
    def shown(self) -> list[str]:
        return [item["item_id"] for item in self.lists[-1]["items"]]

    def wait(self, lists: int) -> None:
        until(lambda: len(self.lists) >= lists)


def until(holds: Callable[[], bool]) -> None:
    late = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < late
        time.sleep(0.01)


@contextmanager
def listening(served: Served, **asked: Any) -> Iterator[Stream]:
    """A stream; what needs a body is POSTed."""
    url, long = f"{served.url}/v1/live", asked.keys() & {"context", "rules"}
    sent: dict[str, Any] = {"json": asked} if long else {"params": asked}
    with httpx.stream("POST" if long else "GET", url, timeout=30, **sent) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response)
        # Closing it alone would wait for the thread that reads.
        with suppress(OSError):
            response.extensions["network_stream"].get_extra_info("socket").shutdown(
                socket.SHUT_RDWR
            )


def post(served: Served, *events: dict[str, Any]) -> None:
    assert served.client.post("/v1/events", json=list(events)).status_code == 202


def shop(served: Served, name: str) -> None:
    """Sessions in which `name`1 goes with `name`2 and `name`3."""
    for s in range(3):
        post(served, *[served.view(f"{name}{i}", f"{name}-s{s}", "buy") for i in (1, 2, 3)])


def test_the_first_list_is_the_answer(served: Served) -> None:
    shop(served, "a")
    with listening(served, session_id="la", n=5) as stream:
        stream.wait(1)
        assert "afresh_live_listeners 1.0" in served.client.get("/metrics").text
        asked = served.client.post("/v1/recommend", json={"session_id": "la", "n": 5}).json()
        assert stream.lists[0]["items"] == asked["items"]


@pytest.mark.parametrize("key", ["session_id", "user_id"])
def test_ones_own_event_changes_ones_list(served: Served, key: str) -> None:
    shop(served, "b")
    mine = f"lb-{key}"
    with listening(served, **{key: mine}) as stream, listening(served, **{key: "other"}) as other:
        stream.wait(1)
        other.wait(1)
        post(served, served.view("b1", "s-b", "buy", **{key: mine}))
        stream.wait(2)
        assert "b1" not in stream.shown, "what was bought makes room"
        assert set(stream.shown[:2]) == {"b2", "b3"}
        assert len(other.lists) == 1


def test_an_event_that_changes_nothing_is_not_told(served: Served) -> None:
    with listening(served, session_id="lc", n=1) as stream:
        stream.wait(1)
        served.client.put("/v1/items/only", json={"title": "t"})
        shown = [i["item_id"] for i in served.client.post(
            "/v1/recommend", json={"session_id": "lc", "n": 1}).json()["items"]]  # fmt: skip
        for _ in range(3):
            post(served, served.view("never-put", "lc"))
        time.sleep(0.6)
        assert all([i["item_id"] for i in told["items"]] != shown for told in stream.lists[1:-1])
        assert len(stream.lists) <= 2


def test_a_burst_is_told_a_few_times(serve: Callable[..., Any]) -> None:
    with serve(live_max_per_second=2) as served, listening(served, session_id="s") as stream:
        stream.wait(1)
        began = time.monotonic()
        for i in range(60):
            post(served, served.view(f"i{i}", "s"))
        until(lambda: len(stream.lists[-1]["items"]) >= 1)
        seconds = time.monotonic() - began
        time.sleep(1)
        assert 2 <= len(stream.lists) <= 2 * (seconds + 1) + 2
        asked = served.client.post("/v1/recommend", json={"session_id": "s"}).json()
        assert stream.shown == [item["item_id"] for item in asked["items"]]


def test_what_others_do_is_told_after_a_while(serve: Callable[..., Any]) -> None:
    with serve(live_refresh=300) as served, listening(served, session_id="s") as stream:
        stream.wait(1)
        post(served, served.view("new", "another"))
        stream.wait(2)
        assert stream.shown == ["new"]


def test_too_many_are_sent_away(serve: Callable[..., Any]) -> None:
    with serve(live_listeners=1) as served:
        with listening(served, session_id="s") as stream:
            stream.wait(1)
            refused = served.client.get("/v1/live")
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) > 0
            assert "1 lists" in refused.json()["detail"]
        until(lambda: room(served, 1))


def room(served: Served, n: int) -> bool:
    """Whether n can listen now."""
    with ExitStack() as opened:
        ask = lambda: served.client.stream("GET", "/v1/live")  # noqa: E731
        return all(opened.enter_context(ask()).status_code == 200 for _ in range(n))


@pytest.mark.parametrize(
    ("asked", "status"), [({"surface": "nowhere"}, 404), ({"n": 0}, 400), ({"nn": 1}, 400)]
)
def test_what_does_not_fit_is_a_problem(served: Served, asked: Any, status: int) -> None:
    refused = served.client.get("/v1/live", params=asked)
    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"


def put(served: Served, **categories: str) -> None:
    for item, category in categories.items():
        said = {"title": item, "category": category, "price_cents": len(item)}
        assert served.client.put(f"/v1/items/{item}", json=said).status_code == 200


def test_rules_and_context_hold_for_every_list(serve: Callable[..., Any]) -> None:
    with serve() as served:
        put(served, mug="cups", glass="cups", saw="tools", axe="tools", rule="tools")
        for s in ("x", "y"):
            post(served, *[served.view(i, s, "buy") for i in ("mug", "saw", "axe", "rule")])
        asked = {
            "session_id": "s", "n": 2, "context": {"kind": "tools"},
            "rules": {
                "filter": "category == context.kind", "exclude": ["rule"],
                "pin": [{"item_id": "saw", "position": 1}],
            },
        }  # fmt: skip
        with listening(served, **asked) as stream:
            stream.wait(1)
            assert stream.shown == ["axe", "saw"]
            same = served.client.post("/v1/recommend", json=asked).json()
            assert stream.lists[0]["items"] == same["items"]
            post(served, served.view("axe", "s", "buy"))  # what was bought makes room
            stream.wait(2)
            assert stream.shown == ["saw"]


def test_a_list_is_sent_when_its_groups_change(serve: Callable[..., Any]) -> None:
    app = load(SHOP)
    groups = [because(n=1, least=1, items=2)]
    app.surface("grouped", sources=[trending("1h")], filters=[], groups=groups)
    with serve(app=app) as served:
        for s in ("x", "y"):
            post(served, *[served.view(i, s) for i in ("a1", "a2", "b1", "b2")])
        asked = {"surface": "grouped", "session_id": "s", "n": 1}
        pinned = {"rules": {"pin": [{"item_id": "a1", "position": 0}]}}
        with listening(served, **asked, **pinned) as stream:
            stream.wait(1)
            assert (stream.shown, stream.lists[-1]["groups"]) == (["a1"], [])
            post(served, served.view("b1", "s"))
            stream.wait(2)
            assert stream.shown == ["a1"], "the list itself is the same"
            (group,) = stream.lists[-1]["groups"]
            assert group["item_id"] == "b1"


@pytest.mark.parametrize(
    ("asked", "status", "path"),
    [
        ({"rules": {"filter": "colour =="}}, 400, "$.rules.filter"),
        ({"rules": {"cap": [{"field": "nothing", "max": 1}]}}, 400, "$.rules.cap[0].field"),
        ({"context": {"a": []}}, 400, "$.context[...]"),
        ({"n": 1001}, 400, "$.n"),
        ({"cursor": "x"}, 400, "$.cursor"),
        ({"surface": "nowhere"}, 404, ""),
        ({"context": {"a": "x" * 1000, "b": "y" * 70_000}}, 413, ""),
    ],
)
def test_a_body_that_does_not_fit_is_a_problem(
    served: Served, asked: Any, status: int, path: str
) -> None:
    refused = served.client.post("/v1/live", json=asked)
    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json().get("path", "") == path
    same = served.client.post("/v1/recommend", json=asked)
    if status != 413 and "cursor" not in asked:
        assert (same.status_code, same.json().get("path", "")) == (status, path)


def test_the_server_ends_while_somebody_listens(serve: Callable[..., Any]) -> None:
    with serve(shutdown_timeout=60_000) as served, listening(served) as stream:
        stream.wait(1)
        served.server.should_exit = True
        until(lambda: stream.ended)


def test_a_stream_that_ended_leaves_nothing_to_collect(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub hides what it holds from the collector, so none may be needed."""
    freed: list[int] = []
    monkeypatch.setattr(Listener, "__del__", lambda self: freed.append(1), raising=False)
    with serve() as served:
        gc.disable()
        try:
            for _ in range(3):
                with listening(served, session_id="s") as stream:
                    stream.wait(1)
                    post(served, served.view("i1", "s"))
            until(lambda: len(freed) == 3)
        finally:
            gc.enable()


def test_one_who_does_not_read_costs_nothing(serve: Callable[..., Any]) -> None:
    """It holds one list at most, everybody else is told, and it is told the latest in the end."""
    with serve(live_max_per_second=1000, live_listeners=2) as served:
        wide = [{"item_id": f"w{i}", "title": "x" * 200} for i in range(300)]
        served.client.post("/v1/items", json=wide)
        host, port = served.url.removeprefix("http://").split(":")
        slow = socket.create_connection((host, int(port)))
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asked = urlencode({"session_id": "s", "n": 300})
        slow.sendall(f"GET /v1/live?{asked} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        with listening(served, session_id="s", n=300) as quick:
            quick.wait(1)
            for i in range(250):
                post(served, served.view(f"w{i}", "s", "buy"))
            until(lambda: "w249" not in quick.shown)
            assert served.client.get("/livez").status_code == 200
        slow.close()
        until(lambda: room(served, 2))
