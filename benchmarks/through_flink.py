"""A click through Kafka, Flink (buffer timeout 1 ms), a feeder and a store, until a server that
holds nothing answers otherwise; beside it the same click in a server that folds, in the same run.

The folding server takes the click at its door, so it is what both ways begin with. One click at a
time. Kafka, Flink, Valkey, feeder, both servers and this process share the machine's cores.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import msgspec
from engines import EngineError, free_port
from engines.flink import Flink
from engines.kafka import Kafka

from afresh.features.engines.flink.clients import job_of
from afresh.features.engines.flink.gateway import Gateway
from afresh.features.engines.flink.running import submit
from afresh.log.kafka.address import address_of
from afresh.log.kafka.making import compare, create
from afresh.log.kafka.topics import Cluster, Topics
from afresh.settings import load_settings
from benchmarks._apps.pulse import app
from benchmarks._machine import ROOT, arguments, figure, spread
from benchmarks._server import served, wait_ready
from benchmarks._valkey import valkey

APP = ROOT / "benchmarks" / "_apps" / "pulse.py"
PARTITIONS = 2
WARM = 100
PAUSE_S = 0.002
"""Between two looks: without it who looks takes a core from who works."""
PATIENCE_S = 60.0


class Client:
    """One connection to a server of this machine."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(self, path: str, body: object) -> tuple[int, dict[str, object]]:
        self._connection.request("POST", path, msgspec.json.encode(body),
                                 {"content-type": "application/json"})  # fmt: skip
        answer = self._connection.getresponse()
        return answer.status, msgspec.json.decode(answer.read())

    def shows(self, user: str, item: str) -> bool:
        """Whether somebody's last items begin with this one."""
        asked = {"keys": {"user_id": [user]}, "features": ["recent"]}
        status, said = self.post("/v1/features", asked)
        return status == 200 and item in str(said)


@contextlib.contextmanager
def running(command: list[str], store: str) -> Iterator[int]:
    """`afresh COMMAND` with a store; its port."""
    port = free_port()
    whole = [sys.executable, "-m", "afresh.cli", command[0], str(APP), "--port", str(port)]
    process = subprocess.Popen(
        [*whole, *command[1:], "--log-level", "error"], cwd=ROOT,
        env={**os.environ, "AFRESH_STORE": store},
    )  # fmt: skip
    try:
        wait_ready(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(60)


def seen_ms(began: float, client: Client, user: str, item: str) -> float:
    late = began + PATIENCE_S
    while not client.shows(user, item):
        if time.perf_counter() > late:
            raise RuntimeError(f"{item} was not seen within {PATIENCE_S:.0f} s.")
        time.sleep(PAUSE_S)
    return (time.perf_counter() - began) * 1000


def clicks(door: Client, reader: Client, n: int) -> tuple[list[float], list[float], list[float]]:
    """ms from sending a click: until the door's 2xx, until the door's server shows it, until the
    server of the store does."""
    taken, folded, through = [], [], []
    for at in range(WARM + n):
        user, item = f"u{at % 50}", f"i{at}"
        event = {"event_id": f"{at:032x}", "event_type": "view", "user_id": user, "item_id": item,
                 "timestamp": time.time_ns() // 1_000_000}  # fmt: skip
        began = time.perf_counter()
        status, said = door.post("/v1/events", [event])
        assert status < 300, said
        ms = (time.perf_counter() - began) * 1000
        found = seen_ms(began, door, user, item), seen_ms(began, reader, user, item)
        if at >= WARM:
            taken.append(ms)
            folded.append(found[0])
            through.append(found[1])
    return taken, folded, through


def main() -> None:
    small = arguments("A click through Flink and the store.").smoke
    with tempfile.TemporaryDirectory(prefix="afresh-through-") as name, contextlib.ExitStack() as e:
        folder = Path(name)
        try:
            broker = Kafka(folder / "broker")
            e.callback(broker.stop)
            flink = Flink(folder / "flink", heap_mb=1024)
            e.callback(flink.stop)
        except EngineError as error:
            print(msgspec.json.encode({"figure": "through", "missing": str(error)}).decode())
            return
        settings = load_settings(log=f"kafka://{broker.servers}/b{uuid4().hex[:10]}")
        address = address_of(settings)
        cluster, topics = Cluster(address), Topics(address.prefix)
        create(cluster, compare(cluster, topics.wanted(PARTITIONS, None)), 1)
        with Gateway(flink.gateway) as gateway:
            submit(gateway, app.plan(), job_of(settings))
        port, client, _ = e.enter_context(valkey(folder))
        store = f"redis://127.0.0.1:{port}/0"
        door, _ = e.enter_context(served(folder / "data", APP, log=settings.log))
        e.enter_context(running(["feed", "--log", settings.log], store))
        reader = e.enter_context(running(["serve", "--store-only"], store))
        taken, folded, through = clicks(Client(door), Client(reader), 20 if small else 300)
        figure(
            "through Flink and the store",
            statistics.median(through),
            "ms from a click to a changed answer",
            must=60,
            aim=30,
            limit={"what": "the same click in a server that folds", "ms": spread(folded, 1)},
            less=True,
            ms=spread(through, 1),
            acknowledged_ms=spread(taken, 1),
            must_p99=250,
            values=int(client.dbsize()),
            sharing="one click at a time; everything shares the cores",
        )


if __name__ == "__main__":
    main()
