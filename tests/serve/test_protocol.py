"""Clients that are slow, too many, or speak no HTTP."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit


def connect(served: Any) -> socket.socket:
    at = urlsplit(served.url)
    return socket.create_connection((at.hostname, at.port), timeout=5)


def everything(connection: socket.socket) -> bytes:
    out = b""
    while chunk := connection.recv(65536):
        out += chunk
    return out


def test_a_request_that_does_not_come_whole_is_ended(serve: Any) -> None:
    head = b"POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n"
    with serve(request_timeout=100) as served:
        for started in (head, head + b"content-type: application/json\r\n\r\n{"):
            with connect(served) as slow:
                slow.sendall(started)
                answer = everything(slow)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"request_timeout" in answer
        with connect(served) as silent:
            assert everything(silent) == b""


def test_a_slow_second_request_is_ended_too(serve: Any) -> None:
    with serve(request_timeout=100) as served, connect(served) as slow:
        slow.sendall(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\nGET /livez HT")
        answer = everything(slow)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer


def test_a_request_in_pieces_is_taken(served: Any) -> None:
    with connect(served) as pieces:
        for piece in (b"GET /livez HT", b"TP/1.1\r\nhost: local", b"host\r\n", b"\r\n"):
            pieces.sendall(piece)
        assert pieces.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_too_many_connections_are_told_to_come_back(serve: Any) -> None:
    with serve(max_connections=1) as served, connect(served) as first, connect(served) as second:
        assert everything(second).startswith(b"HTTP/1.1 503 ")
        first.sendall(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert first.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_what_is_no_http_gets_a_problem(served: Any) -> None:
    with connect(served) as other:
        other.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        answer = everything(other)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in answer
