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
        """Send them all; returns the seconds and each request's latency in µs."""
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
    def __init__(self, expect: int) -> None:
        self.expect = b"HTTP/1.1 %d" % expect
        self.buffer = b""
        self.need = 0
        self.answer: asyncio.Future[None] | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, data: bytes) -> asyncio.Future[None]:
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        return self.answer

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0 or self.answer is None:
            return
        at = self.buffer.lower().find(b"content-length:", 0, end)
        size = int(self.buffer[at + 15 : self.buffer.index(b"\r", at)]) if at >= 0 else 0
        if len(self.buffer) < end + 4 + size:
            return
        text, self.buffer = self.buffer, b""
        if text.startswith(self.expect):
            self.answer.set_result(None)
        else:
            self.answer.set_exception(RuntimeError(text[:300].decode(errors="replace")))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(ConnectionError("The server closed the connection."))


async def _run(port: int, order: dict[str, Any]) -> dict[str, Any]:
    data, requests, at = Path(order["file"]).read_bytes(), [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        requests.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(lambda: _Client(order["expect"]), "127.0.0.1", port))[1]
        for _ in range(order["connections"])
    ]
    queue = iter(enumerate(requests))
    rate, latencies = order["rate"], [0.0] * len(requests)
    started = time.perf_counter()

    async def drive(client: _Client) -> None:
        for number, data in queue:
            began = time.perf_counter()
            if rate:
                due = started + number / rate
                if due > began:
                    await asyncio.sleep(due - began)
                    # The loop's timer is late by up to a millisecond: that is the
                    # generator's own, not the server's; being busy past the due time counts.
                    began = time.perf_counter()
                else:
                    began = due
            await client.ask(data)
            latencies[number] = round((time.perf_counter() - began) * 1e6, 1)

    await asyncio.wait_for(asyncio.gather(*map(drive, clients)), 300)
    seconds = time.perf_counter() - started
    for client in clients:
        client.transport.close()
    return {"seconds": seconds, "latencies": latencies}


def main() -> None:
    port = int(sys.argv[1])
    for line in sys.stdin.buffer:
        answer = uvloop.run(_run(port, msgspec.json.decode(line)))
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
