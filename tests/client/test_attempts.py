"""What is tried again, and when; over a server that does as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest

from afresh.client import Client, Receipt, RequestFailed, ServerUnreachable
from afresh.client.attempts import LONGEST_WAIT_S, Lost, Response, attempts
from afresh.client.calls import Call

CALL = Call("POST", "/v1/events", Receipt, b"[]")
STREAM = b"""retry: 2000

event: list
data: {"request_id":"r","items":[],"offset":"o","fresh":true,"freshness_ms":0,"model":"m"}

:

"""
TAKEN = Response(202, b'{"accepted":1,"duplicates":0,"rejected":[],"offset":"o"}')


def waits(*answers: Response | Lost, retries: int = 9) -> list[float]:
    """The seconds slept until the call returned."""
    steps, slept = attempts(CALL, retries), []
    assert steps.send(None) is CALL
    for answer in answers[:-1]:
        slept.append(steps.send(answer))
        assert steps.send(None) is CALL
    with pytest.raises(StopIteration) as ended:
        steps.send(answers[-1])
    assert ended.value.value.accepted == 1
    return [s for s in slept if isinstance(s, float)]


def test_a_busy_server_says_how_long_to_wait() -> None:
    first, second, third = waits(
        Response(429, b"", "7"), Response(503, b"", "12"), Response(507, b"", "999"), TAKEN
    )
    assert (first, second, third) == (7.0, 12.0, LONGEST_WAIT_S)


def test_waits_grow_and_differ() -> None:
    taken = waits(*[Lost("refused")] * 8, TAKEN)
    assert all(0.05 * 2**k <= wait <= 0.1 * 2**k for k, wait in enumerate(taken))
    assert taken != waits(*[Lost("refused")] * 8, TAKEN)


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500])
def test_what_would_fail_again_is_not_tried_again(status: int) -> None:
    steps = attempts(CALL, 5)
    steps.send(None)
    with pytest.raises(RequestFailed) as failed:
        steps.send(Response(status, b"<html>not a problem"))
    assert failed.value.status == status
    assert "not a problem" in failed.value.detail


def test_it_ends() -> None:
    steps = attempts(CALL, 1)
    steps.send(None)
    steps.send(Lost("refused"))
    steps.send(None)
    with pytest.raises(ServerUnreachable, match="refused"):
        steps.send(Lost("refused"))
    steps = attempts(CALL, 0)
    steps.send(None)
    with pytest.raises(RequestFailed) as failed:
        steps.send(Response(503, b'{"title":"Unavailable","detail":"Stopping.","hint":"Wait."}'))
    assert (failed.value.title, failed.value.hint) == ("Unavailable", "Wait.")


@contextmanager
def told(*statuses: int) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers with these in turn (0: hangs up), and the bodies it was sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            status = statuses[len(bodies) - 1]
            if not status:
                self.close_connection = True
                return
            answer = {200: STREAM, 202: TAKEN.body}.get(status, b"{}")
            self.send_response(status)
            self.send_header("retry-after", "0")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_same_ids_are_sent_again() -> None:
    with told(503, 429, 0, 202) as (url, bodies), Client(url) as client:
        receipt = client.track_many([{"event_type": "view"}, {"event_type": "buy"}])
        assert receipt.offset == client.after == "o"
    assert len(bodies) == 4
    assert len(set(bodies)) == 1, "the same bytes each time"
    ids = [event["event_id"] for event in msgspec.json.decode(bodies[0])]
    assert len(set(ids)) == 2


def test_a_stream_that_ends_is_opened_again_until_it_fails_too_often() -> None:
    with told(200, 503, 0, 200, 0, 429, 0) as (url, bodies), Client(url, retries=2) as client:
        heard = client.live(user_id="u", rules={"exclude": ["i"]})
        assert [next(heard).request_id for _ in range(2)] == ["r", "r"]
        with pytest.raises(ServerUnreachable, match="3 attempts"):
            next(heard)
    assert len(bodies) == 7, "what was heard makes it patient again"
    wanted = {"surface": "home", "user_id": "u", "rules": {"exclude": ["i"]}}
    assert all(msgspec.json.decode(body) == wanted for body in bodies)


def test_a_stream_that_is_refused_says_why_at_once() -> None:
    with told(404) as (url, bodies), Client(url) as client:
        with pytest.raises(RequestFailed) as failed:
            next(client.live("nowhere"))
        assert failed.value.status == 404
    assert len(bodies) == 1
