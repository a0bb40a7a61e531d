"""The express lane: what goes through it, and that nobody can tell it from the long way."""

from __future__ import annotations

import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from afresh.serve.access import Access
from afresh.serve.express import LARGEST, Exchange, Express, Route
from afresh.serve.observe import Requests, Unobserved
from afresh.serve.reply import Reply
from afresh.settings import Settings

PLAIN = [(b"host", b"127.0.0.1:80"), (b"content-type", b"application/json")]


def lane(**given: Any) -> Express:
    def answer(exchange: Exchange) -> None:
        exchange.reply(Reply(b"{}"))

    route = Route("/v1/events", frozenset({b"", b"application/json"}), answer)
    access, requests = Access(Settings(**given)), Requests(Unobserved(), 0.0)
    return Express({b"POST /v1/events": route}, access, requests)


def taken(*more: tuple[bytes, bytes], url: bytes = b"/v1/events", method: bytes = b"POST") -> bool:
    return lane().take(method, url, [*PLAIN, *more]) is not None


def test_plain_requests_are_taken() -> None:
    assert taken((b"content-length", b"12"))
    assert taken((b"x-request-id", b"mine"))
    made = lane().take(b"POST", b"/v1/events", [*PLAIN, (b"x-request-id", b"mine")])
    assert made is not None
    assert (made.request_id, made.named, made.media) == ("mine", True, b"application/json")


@pytest.mark.parametrize(
    "header",
    [
        (b"content-encoding", b"gzip"),
        (b"transfer-encoding", b"chunked"),
        (b"expect", b"100-continue"),
        (b"upgrade", b"websocket"),
        (b"origin", b"http://127.0.0.1:80"),
        (b"content-type", b"text/plain"),
        (b"content-length", b"%d" % (LARGEST + 1)),
        (b"content-length", b"-1"),
        (b"host", b"evil.example"),
    ],
)
def test_whatever_is_not_plain_goes_the_long_way(header: tuple[bytes, bytes]) -> None:
    assert not taken(header)


def test_other_routes_and_methods_go_the_long_way() -> None:
    assert not taken(url=b"/v1/events?x=1")
    assert not taken(url=b"/v1/events/")
    assert not taken(method=b"PUT")


def test_without_the_key_a_request_goes_the_long_way_to_its_refusal() -> None:
    assert lane(api_key="right").take(b"POST", b"/v1/events", PLAIN) is None
    assert lane(api_key="right").take(b"POST", b"/v1/events", [*PLAIN, (b"x-api-key", b"right")])


def alike(served: Any, path: str, content: bytes, **headers: str) -> tuple[Any, Any]:
    """The answers by the lane and by the long way, which a query string brings about."""
    given = {"content-type": "application/json", **headers}
    return tuple(
        served.client.post(path + query, content=content, headers=given) for query in ("", "?x=1")
    )  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/events", b"{"),
        ("/v1/events", b""),
        ("/v1/events", b'{"event_type":"nope"}'),
        ("/v1/recommend", b'{"surface":"hme"}'),
        ("/v1/recommend", b'{"n":0}'),
        ("/v1/recommend", b"\xff"),
        ("/v1/features", b'{"keys":{}}'),
        ("/v1/features", b'{"keys":{"item_id":["x"]},"as_of":-1}'),
        ("/v1/features", b'{"keys":{"item_id":["x"]},"features":["views_hour"]}'),
        ("/v1/features", b'{"keys":{"item_id":["x"]},"features":["views_hour"],"as_of":0}'),
    ],
)
def test_both_ways_answer_alike(served: Any, path: str, body: bytes) -> None:
    lane_, long = alike(served, path, body, **{"x-request-id": "same"})
    assert (lane_.status_code, lane_.json()) == (long.status_code, long.json())
    named = {name: value for name, value in long.headers.items() if name != "date"}
    assert {name: value for name, value in lane_.headers.items() if name != "date"} == named


def test_both_ways_are_counted_under_one_route(served: Any) -> None:
    def count() -> float:
        wanted = (
            'afresh_http_request_seconds_count{method="POST",route="/v1/recommend",status="200"}'
        )
        lines = served.client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(wanted))

    before = count()
    alike(served, "/v1/recommend", b"{}")
    assert count() == before + 2


def raw(served: Any, *parts: bytes, end: bool = False) -> bytes:
    """What the server sends for these bytes until it closes, or for a quarter of a second."""
    where = urlsplit(served.url)
    with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.05)
        if not end:
            connection.settimeout(0.25)
        got = b""
        try:
            while chunk := connection.recv(65536):
                got += chunk
        except TimeoutError:
            pass
        return got


def post(served: Any, item: str, *more: str) -> bytes:
    body = json.dumps(served.view(item, "express")).encode()
    head = ["POST /v1/events HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", *more]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


def test_pipelined_requests_are_answered_in_their_order(served: Any) -> None:
    live = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    got = raw(served, post(served, "p1") + live + post(served, "p2") + live)
    parts = got.split(b"HTTP/1.1 ")[1:]
    assert [part[:3] for part in parts] == [b"202", b"200", b"202", b"200"]


def test_a_request_in_pieces_is_one(served: Any) -> None:
    whole = post(served, "pieces")
    got = raw(served, whole[:20], whole[20:-30], whole[-30:-5], whole[-5:])
    assert got.startswith(b"HTTP/1.1 202 ")
    assert b'"accepted":1' in got


def test_a_caller_who_wants_the_connection_closed_gets_it(served: Any) -> None:
    got = raw(served, post(served, "close", "Connection: close"), end=True)
    assert got.startswith(b"HTTP/1.1 202 ")
    assert b"\r\nconnection: close\r\n" in got


def test_a_caller_who_left_is_no_trouble(served: Any) -> None:
    where = urlsplit(served.url)
    for _ in range(5):
        with socket.create_connection((where.hostname, where.port)) as connection:
            connection.sendall(post(served, "left"))
    assert served.client.get("/livez").status_code == 200


def test_a_full_queue_is_said(serve: Any) -> None:
    with serve() as served:
        served.runtime.writer.inbox.queue_events = 0
        served.runtime.writer.inbox.waiting = 1
        answer = served.client.post("/v1/events", json=served.view("i", "s"))
        served.runtime.writer.inbox.waiting = 0
    assert answer.status_code == 429
    assert "retry-after" in answer.headers


def test_a_failure_tells_nothing_of_the_inside(serve: Any) -> None:
    with serve() as served:
        served.runtime.answer = lambda query: 1 / 0
        answer = served.client.post("/v1/recommend", json={})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "division" not in answer.text
