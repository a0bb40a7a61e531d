"""A person's click at a server that holds nothing, while nobody writes its store: the question with
the click's token, answered from the log over the store; beside it the same question to a server
that folds, in the same run.

Other people's events stand between what the store has and the click, as many as the line says.
One question at a time; it begins with the 50 ms that a reader waits for the store. Kafka, Valkey,
both servers and this process share the machine's cores.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from engines import EngineError
from engines.kafka import Kafka

from afresh.log.kafka.address import address_of
from afresh.log.kafka.making import compare, create
from afresh.log.kafka.topics import Cluster, Topics
from afresh.settings import load_settings
from benchmarks._machine import arguments, figure, spread
from benchmarks._server import served
from benchmarks._valkey import valkey
from benchmarks.through_flink import APP, Client, running

BETWEEN = (0, 1_000, 4_000)
WARM = 5


def post(door: Client, events: list[dict[str, Any]]) -> str:
    """The token of where they stand."""
    status, said = door.post("/v1/events", events)
    assert status < 300, said
    return str(said["offset"])


def view(user: str, item: str) -> dict[str, Any]:
    now = time.time_ns() // 1_000_000
    return {"event_type": "view", "user_id": user, "item_id": item, "timestamp": now}


def asked(client: Client, user: str, after: str) -> tuple[float, bool]:
    """How long the answer took, ms, and whether it was fresh."""
    began = time.perf_counter()
    status, said = client.post("/v1/features", {"keys": {"user_id": [user]}, "after": after})
    assert status == 200, said
    return (time.perf_counter() - began) * 1000, bool(said.get("fresh", True))


def main() -> None:
    small = arguments("A person's own events over a store that nobody writes.").smoke
    with tempfile.TemporaryDirectory(prefix="afresh-own-") as name, contextlib.ExitStack() as end:
        folder = Path(name)
        try:
            broker = Kafka(folder / "broker")
        except EngineError as error:
            print(msgspec.json.encode({"figure": "own events", "missing": str(error)}).decode())
            return
        end.callback(broker.stop)
        settings = load_settings(log=f"kafka://{broker.servers}/b{uuid4().hex[:10]}")
        address = address_of(settings)
        cluster, topics = Cluster(address), Topics(address.prefix)
        create(cluster, compare(cluster, topics.wanted(1, None)), 1)
        port, client, _ = end.enter_context(valkey(folder))
        store = f"redis://127.0.0.1:{port}/0"
        logged = ["--log", settings.log]
        door_port, _ = end.enter_context(served(folder / "door", APP, log=settings.log))
        door = Client(door_port)
        with running(["serve", *logged, "--data", str(folder / "writer")], store):
            post(door, [view(f"u{at % 50}", f"i{at}") for at in range(500)])
            while int(client.dbsize()) < 50:
                time.sleep(0.05)
        reader = Client(end.enter_context(running(["serve", "--store-only", *logged], store)))
        time.sleep(2)  # it looks for the brokers
        written = 0
        for between in BETWEEN:
            post(door, [view(f"w{at % 500}", f"i{at}") for at in range(between - written)] or
                 [view("w", "i")])  # fmt: skip
            written = max(written, between)
            ask(door, reader, between, 5 if small else 100)


def ask(door: Client, reader: Client, between: int, n: int) -> None:
    took: list[float] = []
    folding: list[float] = []
    fresh = 0
    for at in range(WARM + n):
        user = f"u{at % 50}"
        token = post(door, [view(user, f"n{at}")])
        ms, is_fresh = asked(reader, user, token)
        same, _ = asked(door, user, token)
        if at >= WARM:
            took.append(ms)
            folding.append(same)
            fresh += is_fresh
    figure(
        f"own events, {between} of others between",
        statistics.median(took),
        "ms from a question to its answer, 50 of them waited for the store",
        must=150,
        aim=60,
        limit={"what": "the same of a server that folds", "ms": spread(folding, 1)},
        less=True,
        ms=spread(took, 1),
        fresh=f"{fresh} of {n}",
        sharing="one question at a time; everything shares the cores",
    )


if __name__ == "__main__":
    main()
