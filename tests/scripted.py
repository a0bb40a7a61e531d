"""An HTTP service that expects certain requests, one after the other, and answers as documented.

For services that cannot run here: what the real client of each sends is compared with what the
vendor documents. It proves that we ask as documented, and no more.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

ANY = object()


class Step(NamedTuple):
    """A request, and its answer. body: JSON, a list of JSON for NDJSON, None for none, ANY."""

    method: str
    path: str
    body: Any
    answer: Any
    status: int
    query: dict[str, str]


class Scripted:
    """url: its address. problems: requests that were not as expected; bodies, headers: of all that
    came, names of headers in lower case."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.problems: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[Any] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def expect(
        self, method: str, path: str, body: Any = None, answer: Any = None, *, status: int = 200,
        query: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        """The next request must be this one; parameters of the query beyond these are let be."""
        self.steps.append(Step(method, path, body, answer, status, query or {}))

    def take(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Step:
        parts, got = urlsplit(target), _read(body)
        self.headers.append(headers)
        self.bodies.append(got)
        step = self.steps.pop(0) if self.steps else None
        said = dict(parse_qsl(parts.query))
        if step is None or (method, unquote(parts.path)) != (step.method, step.path):
            self.problems.append(f"{method} {target} {got} came instead of {step}")
        elif step.body is not ANY and got != step.body:
            self.problems.append(f"{method} {target} had {got}, not {step.body}")
        elif not step.query.items() <= said.items():
            self.problems.append(f"{method} {target} lacks of {step.query}")
        return step or Step(method, target, None, {}, 500, {})


def _read(body: bytes) -> Any:
    if not body:
        return None
    lines = body.decode().strip().split("\n")
    if len(lines) > 1:
        return [json.loads(line) for line in lines]
    return json.loads(body)


@contextmanager
def scripted() -> Iterator[Scripted]:
    """Serves on 127.0.0.1; fails at its end when a request was not as expected, or did not come."""
    made = Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            step = made.take(
                self.command,
                self.path,
                body,
                {name.lower(): value for name, value in self.headers.items()},
            )
            answer = b"" if step.answer is None else json.dumps(step.answer).encode()
            self.send_response(step.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _take

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert not made.problems, made.problems
    assert not made.steps, f"what did not come: {made.steps}"
