"""Durable ingest with everything folded, as a share of the bare limit (see _bare.py).

1. In process, NDJSON bodies of 1,000 events, a few in flight.
2. Over HTTP, the same bodies on 4 connections against `afresh serve`.
3. Single events over HTTP on 16 connections; beside it an empty handler of the same framework.

Rounds of both sides alternate. Over HTTP the load generator shares the machine's cores.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections import deque
from pathlib import Path

from afresh.loading import load
from afresh.runtime import Runtime
from afresh.settings import load_settings
from afresh.submission import Submission
from benchmarks._bare import Bare
from benchmarks._data import Shopping, shopping
from benchmarks._live import Traffic, item_lines
from benchmarks._load import Load, request
from benchmarks._machine import SHOP, arguments, figure, spread
from benchmarks._server import commits, empty_handler, serving

IN_FLIGHT = 16
"""Bodies submitted and not yet acknowledged, in process."""


def drive(runtime: Runtime, bodies: list[bytes]) -> float:
    """Submit every body and wait for all outcomes; seconds."""
    waiting: deque[Submission] = deque()
    accepted, began = 0, time.perf_counter()
    for body in bodies:
        if len(waiting) == IN_FLIGHT:
            accepted += waiting.popleft().future.result().accepted
        waiting.append(runtime.submit(body))
    for submission in waiting:
        accepted += submission.future.result().accepted
    seconds = time.perf_counter() - began
    assert accepted == 1000 * len(bodies), f"{accepted} of {1000 * len(bodies)} accepted"
    return seconds


def in_process(folder: Path, shop: Shopping, rounds: int, size: int) -> None:
    traffic = Traffic(shop)
    bare = Bare(folder / "bare-in-process")
    runtime = Runtime.open(load(SHOP), folder / "in-process", load_settings())
    asyncio.run(runtime.post_items(item_lines(shop)))
    drive(runtime, traffic.bodies(10))
    bare.take(traffic.bodies(10), 4)
    ours, limit, length = [], [], 0.0
    for _ in range(rounds):
        bodies = traffic.bodies(size)
        length = statistics.mean(map(len, bodies)) / 1000
        before = runtime.writer.counters.commits
        ours.append(1000 * size / drive(runtime, bodies))
        group = max(round(size / (runtime.writer.counters.commits - before)), 1)
        began = time.perf_counter()
        limit.append(bare.take(bodies, group) / (time.perf_counter() - began))
    runtime.close()
    bare.close()
    _report("in_process", ours, limit, 0.35, 0.5, group, length, shop)


def over_http(folder: Path, port: int, shop: Shopping, rounds: int, size: int) -> None:
    traffic, bare = Traffic(shop), Bare(folder / "bare-http")
    file, load_generator = folder / "requests", Load(port)
    for first in range(0, shop.items.height, 10_000):
        part = shop.items.slice(first, 10_000).write_ndjson().encode()
        load_generator.run(file, [request("/v1/items", part)], 1)
    warm = [request("/v1/events", body) for body in traffic.bodies(8)]
    load_generator.run(file, warm, 4)
    ours, limit, latencies, length, group = [], [], [], 0.0, 1
    for _ in range(rounds):
        bodies = traffic.bodies(size)
        length = statistics.mean(map(len, bodies)) / 1000
        before = commits(port)
        requests = [request("/v1/events", body) for body in bodies]
        seconds, each = load_generator.run(file, requests, 4)
        latencies += each
        ours.append(1000 * size / seconds)
        group = max(round(size / max(commits(port) - before, 1)), 1)
        began = time.perf_counter()
        limit.append(bare.take(bodies, group) / (time.perf_counter() - began))
    load_generator.close()
    bare.close()
    _report("http_batches", ours, limit, 0.25, 0.35, group, length, shop, latencies)


def singles(folder: Path, port: int, shop: Shopping, rounds: int, size: int) -> None:
    traffic, file = Traffic(shop), folder / "requests"
    with empty_handler() as empty:
        here, there = Load(port), Load(empty)
        ours, bare, latencies = [], [], []
        for turn in range(rounds + 1):
            lines = traffic.lines(size if turn else size // 4)
            sent = [request("/v1/events", line, "application/json") for line in lines]
            seconds, each = here.run(file, sent, 16)
            empty_seconds, _ = there.run(file, sent, 16)
            if turn:
                ours.append(len(sent) / seconds)
                bare.append(len(sent) / empty_seconds)
                latencies += each
        here.close()
        there.close()
    figure(
        "http_singles",
        statistics.median(ours),
        "events/s",
        must=6_000,
        aim=10_000,
        limit={
            "what": "an empty handler of the same framework and server, same load generator",
            "events_per_s": spread(bare, 0),
            "share": round(statistics.median(a / b for a, b in zip(ours, bare, strict=True)), 4),
        },
        events_per_s=spread(ours, 0),
        latency_us=spread(latencies, 1),
        rounds=rounds,
        samples=rounds * size,
        data=shop.source,
        missing=shop.missing,
        sharing="server and load generator share the cores; the idle one of the two servers waits",
    )


def _report(
    name: str,
    ours: list[float],
    limit: list[float],
    must: float,
    aim: float,
    group: int,
    length: float,
    shop: Shopping,
    latencies: list[float] | None = None,
) -> None:
    ratios = [a / b for a, b in zip(ours, limit, strict=True)]
    generator = " and the load generator" if latencies else ""
    figure(
        name,
        statistics.median(ratios),
        "of the bare limit",
        must=must,
        aim=aim,
        limit={
            "what": "msgspec decode + SQLite (WAL, FULL) insert of the same bytes, one thread",
            "events_per_s": spread(limit, 0),
            "bodies_per_commit": group,
        },
        events_per_s=spread(ours, 0),
        ratios=spread(ratios),
        rounds=len(ratios),
        bytes_per_event=round(length, 1),
        latency_us=spread(latencies, 1) if latencies else None,
        data=shop.source,
        missing=shop.missing,
        sharing=f"afresh decodes and writes in two threads{generator}; the limit has one",
    )


def main() -> None:
    wanted = arguments("Durable ingest as a share of the bare limit.")
    small = wanted.smoke
    shop = shopping(wanted.data, most=2_000 if small else 400_000, synthetic=small)
    with tempfile.TemporaryDirectory(prefix="afresh-ingest-") as name:
        folder = Path(name)
        in_process(folder, shop, 2 if small else 7, 4 if small else 100)
        with serving(folder / "http") as port:
            over_http(folder, port, shop, 2 if small else 7, 4 if small else 60)
            singles(folder, port, shop, 2 if small else 5, 100 if small else 10_000)


if __name__ == "__main__":
    main()
