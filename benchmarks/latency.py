"""One event at a time: from POST to the durable and folded acknowledgement, 100 a second.

The load is open: a request starts when it is due, whether or not the last one is answered. The
limit is measured in turns with it, at the same rate: the p99 of a bare SQLite commit (WAL, FULL)
of the same bytes plus the p99 of one round trip to the same server (`GET /livez`).
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks._bare import Bare
from benchmarks._data import shopping
from benchmarks._live import Traffic
from benchmarks._load import Load, request
from benchmarks._machine import arguments, figure, spread
from benchmarks._server import serving

RATE = 100.0
"""Requests a second."""
CONNECTIONS = 8


def commit_at_rate(bare: Bare, lines: list[bytes]) -> list[float]:
    """A commit each, as far apart as the requests are; µs each."""
    out = []
    for line in lines:
        began = time.perf_counter()
        bare.commit([line])
        took = time.perf_counter() - began
        out.append(round(took * 1e6, 1))
        time.sleep(max(1 / RATE - took, 0))
    return out


def main() -> None:
    wanted = arguments("POST of one event, to its acknowledgement.")
    small = wanted.smoke
    rounds, size = (2, 50) if small else (10, 500)
    shop = shopping(wanted.data, most=2_000 if small else 100_000, synthetic=small)
    traffic, posts, commits, trips = Traffic(shop), [], [], []
    with tempfile.TemporaryDirectory(prefix="afresh-latency-") as name:
        folder = Path(name)
        bare, file = Bare(folder / "bare"), folder / "requests"
        with serving(folder / "data") as port:
            load = Load(port)

            def send(requests: list[bytes], expect: int) -> list[float]:
                return load.run(file, requests, CONNECTIONS, rate=RATE, expect=expect)[1]

            def events(n: int) -> tuple[list[bytes], list[bytes]]:
                lines = traffic.lines(n)
                return lines, [request("/v1/events", x, "application/json") for x in lines]

            send(events(20)[1], 202)
            for _ in range(rounds):
                lines, requests = events(size)
                posts.append(send(requests, 202))
                trips.append(send([request("/livez")] * size, 200))
                commits.append(commit_at_rate(bare, lines))
            load.close()
        bare.close()
    all_posts, all_commits, all_trips = (
        [us for turn in each for us in turn] for each in (posts, commits, trips)
    )
    limit = float(np.percentile(all_commits, 99) + np.percentile(all_trips, 99))
    each = [
        float(np.percentile(a, 99) / (np.percentile(b, 99) + np.percentile(c, 99)))
        for a, b, c in zip(posts, commits, trips, strict=True)
    ]
    figure(
        "one_event_p99",
        float(np.percentile(all_posts, 99)) / limit,
        "of the bare limit",
        must=3.0,
        aim=3.0,
        less=True,
        limit={
            "what": "p99 of a bare SQLite commit of the same bytes + p99 of GET /livez",
            "p99_us": round(limit, 1),
            "commit_us": spread(all_commits, 1),
            "round_trip_us": spread(all_trips, 1),
        },
        latency_us=spread(all_posts, 1),
        ratios=spread(each),
        rate_per_s=RATE,
        connections=CONNECTIONS,
        rounds=rounds,
        samples=len(all_posts),
        data=shop.source,
        missing=shop.missing,
        sharing="server and load generator share the cores",
    )


if __name__ == "__main__":
    main()
