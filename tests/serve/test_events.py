"""Events over HTTP: verdicts, formats, bounds, and reading one's own clicks."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest


def post(served: Any, content: bytes, media: str = "application/json", **headers: str) -> Any:
    given = {"content-type": media, **headers}
    return served.client.post("/v1/events", content=content, headers=given)


def test_each_event_gets_its_verdict(served: Any) -> None:
    events = [served.view("i1", "a1"), served.view("i1", "a1", kind="vieww")]
    answer = post(served, json.dumps(events).encode())
    assert answer.status_code == 202
    body = answer.json()
    assert (body["accepted"], body["duplicates"], bool(body["offset"])) == (1, 0, True)
    (rejected,) = body["rejected"]
    assert rejected["index"] == 1
    assert rejected["code"] == "unknown_event_type"
    assert rejected["path"] == "$.event_type"


def test_a_request_of_nothing_acceptable_is_422_with_the_verdicts(served: Any) -> None:
    answer = post(served, json.dumps([{"event_type": "nope"}, 3]).encode())
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert [r["index"] for r in body["rejected"]] == [0, 1]
    assert body["code"] == "nothing_accepted"
    assert (body["accepted"], body["duplicates"]) == (0, 0)


def test_a_repeated_event_is_a_duplicate_not_an_error(served: Any) -> None:
    event = json.dumps(served.view("i1", "a2", event_id="once")).encode()
    assert post(served, event).json()["accepted"] == 1
    again = post(served, event)
    assert again.status_code == 202
    assert (again.json()["accepted"], again.json()["duplicates"]) == (0, 1)


@pytest.mark.parametrize("packed", [False, True])
def test_lines_are_taken_plain_and_packed(served: Any, packed: bool) -> None:
    lines = b"\n".join(json.dumps(served.view(f"n{i}", "a3")).encode() for i in range(50))
    body = gzip.compress(lines) if packed else lines
    headers = {"content-encoding": "gzip"} if packed else {}
    answer = post(served, body, "application/x-ndjson", **headers)
    assert answer.json()["accepted"] == 50


def test_joined_gzip_members_are_one_body(served: Any) -> None:
    one, two = (json.dumps(served.view(f"m{i}", "a4")).encode() + b"\n" for i in range(2))
    body = gzip.compress(one) + gzip.compress(two)
    answer = post(served, body, "application/x-ndjson", **{"content-encoding": "gzip"})
    assert answer.json()["accepted"] == 2


def test_a_body_that_unpacks_beyond_the_limit_is_413(served: Any) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    answer = post(served, bomb, **{"content-encoding": "gzip"})
    assert answer.status_code == 413
    assert answer.json()["code"] == "body_too_large"


def chunks() -> Any:
    for _ in range(50):
        yield b" " * 10_000


@pytest.mark.parametrize("content", [b" " * 100_001, chunks()], ids=["length said", "chunked"])
def test_a_body_beyond_the_limit_is_413(served: Any, content: Any) -> None:
    assert post(served, content).status_code == 413


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"{}", mtime=0)[:-4]])
def test_what_is_not_gzip_is_400(served: Any, body: bytes) -> None:
    answer = post(served, body, **{"content-encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_gzip")


@pytest.mark.parametrize(
    ("media", "encoding"), [("text/plain", ""), ("application/json", "br")], ids=["media", "br"]
)
def test_other_formats_are_415_and_say_which_are_taken(
    served: Any, media: str, encoding: str
) -> None:
    headers = {"content-encoding": encoding} if encoding else {}
    answer = post(served, b"{}", media, **headers)
    assert answer.status_code == 415
    assert answer.json()["hint"].startswith("Send ")


@pytest.mark.parametrize(
    "body", [b"", b"[", b"[" * 90_000, b'"\xff"', b"nul", b'{"event_type":"view","timestamp":NaN}']
)
def test_what_cannot_be_read_is_refused_not_crashed_on(served: Any, body: bytes) -> None:
    assert post(served, body).status_code in (400, 422)


def test_the_next_answer_reflects_the_click(served: Any) -> None:
    for session in ("b1", "b2", "b3"):
        pair = [served.view("left", session), served.view("right", session)]
        post(served, json.dumps(pair).encode())
    offset = post(served, json.dumps(served.view("left", "me")).encode()).json()["offset"]
    asked = {"surface": "home", "session_id": "me", "n": 5, "after": offset}
    answer = served.client.post("/v1/recommend", json=asked).json()
    assert answer["fresh"] is True
    assert answer["items"][0]["item_id"] in ("left", "right")
    assert "right" in [item["item_id"] for item in answer["items"]]


def test_too_much_waiting_is_429_with_when_to_come_back(serve: Any) -> None:
    with serve(queue_events=1) as served:
        served.runtime.writer.inbox.waiting = 10  # as if ten events waited
        answer = served.client.post("/v1/events", json=served.view("i", "s"))
        served.runtime.writer.inbox.waiting = 0
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
