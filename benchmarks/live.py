"""Open lists: what an idle listener costs the server, and how soon an event is pushed.

Listeners open `GET /v1/live` on one server, each for a session of its own. Then events of
sessions that listen are posted at a steady rate; from the moment an event is due to the moment the
new list is read on that session's stream. That is the whole way: durable, folded, computed anew,
sent. Meanwhile the server does all else it does for its listeners: comments, and refreshes of lists
that others' events have made old. The limit is the p99 of the receipts of the same events.

Memory is the growth of the server's resident size, a listener; what the kernel keeps for a socket
is not in it.
"""

from __future__ import annotations

import asyncio
import re
import resource
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np
import uvloop

from benchmarks._machine import arguments, figure, spread
from benchmarks._server import get, serving

RATE = 100.0
"""Events a second."""
CONNECTIONS = 8
"""On which events are posted."""
AT_ONCE = 50
"""Listeners that connect at a time."""
SPARE = 200
"""File descriptors for anything else."""
ITEMS = 1000
IDLE_S = 10.0
"""Seconds in which nothing happens, to see what the listeners alone take of a core."""


class Listener(asyncio.Protocol):
    """One stream; `told` is done when the next list comes, with the time it came."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.told: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        path = f"/v1/live?session_id={self.session}"
        transport.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        if b"event: list" in data and not self.told.done():
            self.told.set_result(time.perf_counter())


class Poster(asyncio.Protocol):
    """One connection that posts; `answered` is done when the receipt comes, with the time."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if b'"offset"' in data:  # the head may come apart from the body
            self.answered.set_result(time.perf_counter())
        elif not data.startswith(b"HTTP/1.1 202"):
            self.answered.set_exception(RuntimeError(data.decode()))

    async def post(self, events: object) -> float:
        """When it was acknowledged."""
        body = msgspec.json.encode(events)
        head = "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        return await self.answered


def view(session: str, item: int) -> dict[str, object]:
    now = time.time_ns() // 1_000_000
    return {"event_type": "view", "timestamp": now, "session_id": session, "item_id": f"i{item}"}


async def listen(port: int, n: int) -> list[Listener]:
    """n listeners that have their first list."""
    loop = asyncio.get_running_loop()
    found: list[Listener] = []
    for first in range(0, n, AT_ONCE):
        names = [f"live{i}" for i in range(first, min(first + AT_ONCE, n))]
        made = [
            loop.create_connection(lambda name=name: Listener(name), "127.0.0.1", port)  # type: ignore[misc]
            for name in names
        ]
        here = [protocol for _, protocol in await asyncio.gather(*made)]
        await asyncio.gather(*(listener.told for listener in here))
        found += here
    return found


async def push(
    posters: asyncio.Queue[Poster], listeners: list[Listener], events: int, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Post at RATE; µs from when each event was due to its receipt, and to its push.

    The load is open: an event is posted when it is due, whatever became of the last one. Raises
    TimeoutError when a list is not pushed within ten seconds.
    """

    async def one(listener: Listener, item: int, due: float) -> tuple[float, float]:
        listener.told = asyncio.get_running_loop().create_future()
        poster = await posters.get()
        try:
            received = await poster.post(view(listener.session, item))
        finally:
            posters.put_nowait(poster)
        told = await asyncio.wait_for(listener.told, 10)
        return (received - due) * 1e6, (told - due) * 1e6

    due, tasks = time.perf_counter(), []
    for at in rng.permutation(len(listeners))[:events].tolist():
        due += 1 / RATE
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        tasks.append(asyncio.ensure_future(one(listeners[at], int(rng.integers(ITEMS)), due)))
    return list(await asyncio.gather(*tasks))


def process(port: int) -> tuple[float, float]:
    """The server's resident size in bytes, and the processor seconds it has used."""
    told = dict(re.findall(r"^process_(\w+) ([\d.e+]+)$", get(port, "/metrics"), re.M))
    return float(told["resident_memory_bytes"]), float(told["cpu_seconds_total"])


async def measure(port: int, wanted: int, events: int) -> None:
    rng = np.random.default_rng(7)
    loop = asyncio.get_running_loop()
    posters: asyncio.Queue[Poster] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        posters.put_nowait((await loop.create_connection(Poster, "127.0.0.1", port))[1])
    poster = await posters.get()
    baskets = rng.integers(ITEMS, size=(2000, 5)).tolist()
    for first in range(0, len(baskets), 200):
        some = enumerate(baskets[first : first + 200], first)
        await poster.post([view(f"old{s}", item) for s, basket in some for item in basket])
    posters.put_nowait(poster)
    warm = await listen(port, AT_ONCE)
    await push(posters, warm, AT_ONCE, rng)
    before, _ = await asyncio.to_thread(process, port)
    began = time.perf_counter()
    listeners = await listen(port, wanted - len(warm))
    took = time.perf_counter() - began
    _, worked = await asyncio.to_thread(process, port)
    await asyncio.sleep(IDLE_S)
    after, until = await asyncio.to_thread(process, port)
    times = np.array(await push(posters, listeners, events, rng))
    receipts, pushes = times.T
    limit = float(np.percentile(receipts, 99))
    figure(
        "listener_memory",
        (after - before) / len(listeners) / 1024,
        "KiB a listener",
        must=40,
        aim=20,
        less=True,
        limit={"what": "none"},
        listeners=wanted,
        connect_s=round(took, 1),
        idle_core_share=round((until - worked) / IDLE_S, 4),
        resident_mib=round(after / 2**20, 1),
    )
    figure(
        "event_to_push_p99",
        float(np.percentile(pushes, 99)) / 1000,
        "ms",
        must=5.0,
        aim=2.0,
        less=True,
        limit={
            "what": "p99 of the receipts of the same events",
            "p99_ms": round(limit / 1000, 3),
        },
        push_us=spread(pushes.tolist(), 1),
        receipt_us=spread(receipts.tolist(), 1),
        after_receipt_us=spread((pushes - receipts).tolist(), 1),
        rate_per_s=RATE,
        listeners=wanted,
        sharing="server and listeners share the cores",
    )


def main() -> None:
    small = arguments(__doc__.splitlines()[0]).smoke
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE
    wanted = min(100 if small else 10_000, room)
    with tempfile.TemporaryDirectory(prefix="afresh-live-") as name, serving(Path(name)) as port:
        uvloop.run(measure(port, wanted, 50 if small else 2_000))


if __name__ == "__main__":
    main()
