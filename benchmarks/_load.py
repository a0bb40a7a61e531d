"""The load generator: raw sockets and bytes made beforehand, in a process of its own.

It is told on its standard input, one line of JSON a run, which requests of a file to send on
how many connections; it answers with one line: seconds, and latency of each request in µs.
With `rate` (requests a second) requests start on schedule, and a latency counts from the
moment its request was due; else each connection sends the next one as soon as it has its answer.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from benchmarks._machine import ROOT


def request(path: str, body: bytes = b"", media: str = "application/x-ndjson") -> bytes:
    """An HTTP/1.1 request: POST with a body, GET without one."""
    if not body:
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {media}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Load:
    """A generator process, as its parent sees it."""

    def __init__(self, port: int) -> None:
        command = [sys.executable, "-m", "benchmarks._load", str(port)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe)

    def run(
        self,
        file: Path,
        requests: Sequence[bytes],
        connections: int,
        *,
        rate: float = 0.0,
        expect: int = 202,
    ) -> tuple[float, list[float]]:
        """Send them all; returns the seconds and each request's latency in µs. expect: the
        status of every answer; 0: any that begins with 2."""
        file.write_bytes(b"".join(len(r).to_bytes(4, "little") + r for r in requests))
        order = {"file": str(file), "connections": connections, "rate": rate, "expect": expect}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        answer = msgspec.json.decode(self._process.stdout.readline())
        return answer["seconds"], answer["latencies"]

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(10)


class _Client(asyncio.Protocol):
    """One connection: asks, waits for the whole answer, asks the next. No task, no future each."""

    def __init__(self, run: _Run) -> None:
        self.run = run
        self.buffer = b""
        self.number = -1
        self.began = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def next(self) -> None:
        """Send the next request, now or when it is due; the run's end when there is none."""
        self.number, data = next(self.run.queue, (-1, b""))
        if self.number < 0:
            self.run.ended()
            return
        now = time.perf_counter()
        due = self.run.started + self.number / self.run.rate if self.run.rate else now
        if due > now:
            # The loop's timer is late by up to a millisecond: that is the generator's own.
            self.run.loop.call_later(due - now, self.send, data, 0.0)
        else:
            self.send(data, due)  # a generator that could not start in time counts the delay

    def send(self, data: bytes, due: float) -> None:
        self.began = due or time.perf_counter()
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        self.buffer = data = self.buffer + data if self.buffer else data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return
        at = data.find(b"content-length: ", 0, end)
        size = int(data[at + 16 : data.index(b"\r", at)]) if at >= 0 else 0
        if len(data) < end + 4 + size:
            return
        self.buffer = b""
        if not data.startswith(self.run.expect):
            self.run.fail(RuntimeError(data[:600].decode(errors="replace")))
            return
        self.run.latencies[self.number] = round((time.perf_counter() - self.began) * 1e6, 1)
        self.next()

    def connection_lost(self, exc: Exception | None) -> None:
        self.run.fail(ConnectionError("The server closed the connection."))


class _Run:
    def __init__(self, requests: list[bytes], order: dict[str, Any]) -> None:
        self.queue = iter(enumerate(requests))
        self.latencies = [0.0] * len(requests)
        self.rate: float = order["rate"]
        self.expect = b"HTTP/1.1 %d " % order["expect"] if order["expect"] else b"HTTP/1.1 2"
        self.connections: int = order["connections"]
        self.open = self.connections
        self.loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self.loop.create_future()
        self.started = 0.0

    def ended(self) -> None:
        self.open -= 1
        if not self.open and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


async def _run(port: int, order: dict[str, Any]) -> dict[str, Any]:
    data, requests, at = Path(order["file"]).read_bytes(), [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        requests.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    run = _Run(requests, order)
    clients = [
        (await run.loop.create_connection(lambda: _Client(run), "127.0.0.1", port))[1]
        for _ in range(run.connections)
    ]
    run.started = time.perf_counter()
    for client in clients:
        client.next()
    await asyncio.wait_for(run.done, 300)
    seconds = time.perf_counter() - run.started
    for client in clients:
        client.transport.close()
    return {"seconds": seconds, "latencies": run.latencies}


def main() -> None:
    port = int(sys.argv[1])
    for line in sys.stdin.buffer:
        answer = uvloop.run(_run(port, msgspec.json.decode(line)))
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
