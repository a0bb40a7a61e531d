"""A log on Kafka: a real broker of the project's own, on this machine.

1. Ingest: bodies of 1,000 events, decoded, admitted, written, acknowledged, read back, folded; as a
   share of what a bare producer with the same settings reaches with the same messages.
2. What a folding replica reads: a topic of a year of shopping, from nothing; beside it a bare
   consumer that looks at no message. Then the same server again, from its snapshot.
3. From a click at one server to an answer of another one that reflects it, beside an empty round
   trip through the broker.

The broker, the servers and the load generator share the machine's cores.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import numpy as np
from engines import EngineError
from engines.kafka import Kafka

from afresh.events.batch import EventBatch
from afresh.features.columns import item_columns
from afresh.loading import load
from afresh.log.files.columns import frame_to_columns
from afresh.log.kafka.address import Address, address_of
from afresh.log.kafka.client import kafka
from afresh.log.kafka.consuming import Consuming, Partition
from afresh.log.kafka.making import compare, create
from afresh.log.kafka.partition import partitions_of
from afresh.log.kafka.producing import Producing, Written
from afresh.log.kafka.topics import Cluster, Topics
from afresh.log.kafka.wire import Wire, owners
from afresh.mirror.runtime import MirrorRuntime
from afresh.settings import Settings, load_settings
from benchmarks._data import YEAR, Shopping, shopping
from benchmarks._live import Traffic, item_lines
from benchmarks._machine import SHOP, arguments, figure, spread
from benchmarks._server import served
from benchmarks.ingest import drive

PARTITIONS = 4
PORTION = 4_096


def fresh(broker: Kafka, partitions: int = PARTITIONS) -> tuple[Settings, Address, Topics]:
    """Topics of their own."""
    settings = load_settings(log=f"kafka://{broker.servers}/b{uuid4().hex[:10]}")
    address = address_of(settings)
    topics, cluster = Topics(address.prefix), Cluster(address)
    create(cluster, compare(cluster, topics.wanted(partitions, None)), 1)
    return settings, address, topics


def bare_producer(address: Address, topic: str, messages: list[tuple[str, bytes]]) -> float:
    """Seconds in which a producer has these acknowledged, one call a message."""
    must = {"acks": "all", "enable.idempotence": True, "partitioner": "murmur2_random"}
    usual = {"compression.type": "lz4", "linger.ms": 1, "queue.buffering.max.messages": 1_000_000}
    producer = kafka().Producer(address.client(must, **usual))
    failed: list[Any] = []

    def heard(error: Any, message: Any) -> None:
        if error is not None:
            failed.append(error)

    began = time.perf_counter()
    for at, (key, value) in enumerate(messages):
        producer.produce(topic, value, key, on_delivery=heard)
        if at % 1000 == 0:
            producer.poll(0)
    producer.flush()
    seconds = time.perf_counter() - began
    assert not failed, failed[0]
    return seconds


def ingest(broker: Kafka, folder: Path, shop: Shopping, rounds: int, size: int) -> None:
    settings, _, _ = fresh(broker)
    _, bare_address, bare_topics = fresh(broker)
    app, traffic = load(SHOP), Traffic(shop)
    runtime = MirrorRuntime.open(app, folder / "ingest", settings)
    asyncio.run(runtime.post_items(item_lines(shop)))
    drive(runtime, traffic.bodies(10))
    ours, limit = [], []
    for _ in range(rounds):
        bodies = traffic.bodies(size)
        ours.append(1000 * size / drive(runtime, bodies))
        messages = _messages(runtime, bodies)
        limit.append(len(messages) / bare_producer(bare_address, bare_topics.events, messages))
    runtime.close()
    ratios = [a / b for a, b in zip(ours, limit, strict=True)]
    figure(
        "ingest",
        statistics.median(ratios),
        "of a bare producer",
        must=0.5,
        aim=0.7,
        limit={
            "what": "confluent-kafka, idempotent, acks=all, lz4, the same messages, one call each",
            "events_per_s": spread(limit, 0),
        },
        events_per_s=spread(ours, 0),
        ratios=spread(ratios),
        partitions=PARTITIONS,
        data=shop.source,
        missing=shop.missing,
        sharing="broker and server share the cores; ours also decodes, admits, reads and folds",
    )


def _messages(runtime: MirrorRuntime, bodies: list[bytes]) -> list[tuple[str, bytes]]:
    """What the server makes of bodies."""
    found: list[tuple[str, bytes]] = []
    for body in bodies:
        batch = runtime.writer.columnar.columns(runtime.decoder.decode(body).events).batch
        runtime.replica.catalog.write_into(batch)
        found += zip(owners(batch), runtime.writer.wire.encode(batch), strict=True)
    return found


def fill(
    address: Address, topics: Topics, batches: Iterator[EventBatch], wire: Wire,
    partitions: int = PARTITIONS,
) -> int:  # fmt: skip
    """Write events that were admitted elsewhere; how many."""
    producing, left, n = Producing(address), [0], 0

    def done(written: Written) -> None:
        assert written.error is None, written.error
        left[0] -= 1

    for batch in batches:
        keys = owners(batch)
        where = partitions_of("\0".join(keys).encode(), batch.n, partitions)
        left[0] += 1
        producing.write(topics.events, keys, wire.encode(batch), where, done)
        n += batch.n
        while left[0] > 8:
            time.sleep(0.001)
    producing.close()
    assert not left[0]
    return n


def recover(broker: Kafka, folder: Path, shop: Shopping, rounds: int) -> None:
    settings, address, topics = fresh(broker)
    app = load(SHOP)
    plan = app.plan()
    wire = Wire(plan.accepted, *item_columns(plan))
    batches = (
        frame_to_columns(shop.events.slice(at, PORTION), plan.accepted).batch
        for at in range(0, shop.events.height, PORTION)
    )
    n = fill(address, topics, batches, wire)
    cold, warm, bare = [], [], []
    for turn in range(rounds):
        place = folder / f"replica{turn}"
        began = time.perf_counter()
        runtime = MirrorRuntime.open(app, place, settings)
        cold.append(time.perf_counter() - began)
        assert runtime.replica.state.events == n, (runtime.replica.state.events, n)
        runtime.close()
        began = time.perf_counter()
        runtime = MirrorRuntime.open(app, place, settings)
        warm.append(time.perf_counter() - began)
        runtime.close()
        bare.append(_bare_consumer(address, topics, n))
    figure(
        "replica_reads",
        n / statistics.median(cold),
        "events/s",
        must=100_000,
        aim=200_000,
        limit={
            "what": "a bare consumer of the same client that only counts",
            "events_per_s": spread([n / seconds for seconds in bare], 0),
            "share": round(statistics.median(b / c for b, c in zip(bare, cold, strict=True)), 4),
        },
        events=n,
        seconds=spread(cold, 2),
        data=shop.source,
    )
    for name, seconds, must in (("recovery_without", cold, 15.0), ("recovery_with", warm, 3.0)):
        figure(
            f"{name}_snapshot",
            statistics.median(seconds),
            "s",
            must=must,
            aim=must / 2,
            less=True,
            limit={"what": "a bare consumer of the same topic", "s": spread(bare, 2)},
            events=n,
            seconds=spread(seconds, 2),
        )


def _bare_consumer(address: Address, topics: Topics, n: int) -> float:
    began, seen = time.perf_counter(), 0
    parts = [Partition(topics.events, at) for at in range(PARTITIONS)]
    consuming = Consuming(address, parts)
    consuming.begin([0] * PARTITIONS)
    while seen < n:
        seen += sum(len(messages) for _, messages in consuming.take(1.0))
    consuming.close()
    return time.perf_counter() - began


def clicks(broker: Kafka, folder: Path, n: int) -> None:
    settings, address, topics = fresh(broker)
    log = settings.log
    with served(folder / "a", log=log) as (here, _), served(folder / "b", log=log) as (there, _):
        took = list(_clicks(here, there, n))
    trips = list(_round_trips(address, topics, n))
    figure(
        "click_to_answer",
        float(np.percentile(took, 99)),
        "ms, p99",
        must=25.0,
        aim=10.0,
        less=True,
        limit={
            "what": "one message written, acknowledged, and read by a consumer, nothing else",
            "ms": spread(trips, 2),
        },
        ms=spread(took, 2),
        sharing="the click is posted to one server and the answer asked of another, then the next",
    )


def _clicks(here: int, there: int, n: int) -> Iterator[float]:
    """ms from sending an event to one server until another answered a request that reflects it."""
    one = http.client.HTTPConnection("127.0.0.1", here)
    two = http.client.HTTPConnection("127.0.0.1", there)
    for at in range(n + 20):
        click = {
            "event_type": "view", "user_id": f"u{at % 50}", "item_id": f"i{at % 200}",
            "timestamp": int(time.time() * 1000),
        }  # fmt: skip
        began = time.perf_counter()
        token = _post(one, "/v1/events", click)["offset"]
        asked = {"surface": "home", "user_id": click["user_id"], "after": token}
        answer = _post(two, "/v1/recommend", asked)
        if at >= 20:
            yield (time.perf_counter() - began) * 1000
            assert answer["fresh"], answer


def _post(connection: http.client.HTTPConnection, path: str, body: object) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    connection.request("POST", path, msgspec.json.encode(body), headers)
    answer: dict[str, Any] = msgspec.json.decode(connection.getresponse().read())
    return answer


def _round_trips(address: Address, topics: Topics, n: int) -> Iterator[float]:
    consuming = Consuming(address, [Partition(topics.late, 0)])
    consuming.begin([0])
    producing, where = Producing(address), np.zeros(1, np.int64)
    for at in range(n + 20):
        heard: list[Written] = []
        began = time.perf_counter()
        producing.write(topics.late, ["k"], [b"x" * 160], where, heard.append)
        seen = False
        while not (seen and heard):
            seen = seen or bool(consuming.take(0.002))
        if at >= 20:
            yield (time.perf_counter() - began) * 1000
    producing.close()
    consuming.close()


def main() -> None:
    wanted = arguments("A log on Kafka.")
    small = wanted.smoke
    with tempfile.TemporaryDirectory(prefix="afresh-kafka-") as name, contextlib.ExitStack() as end:
        folder = Path(name)
        try:
            broker = Kafka(folder / "broker")
        except EngineError as error:
            print(msgspec.json.encode({"figure": "kafka", "missing": str(error)}).decode())
            return
        end.callback(broker.stop)
        year = shopping(wanted.data, most=2_000 if small else YEAR, synthetic=small)
        ingest(broker, folder, year, 1 if small else 5, 4 if small else 200)
        recover(broker, folder, year, 1 if small else 3)
        clicks(broker, folder, 20 if small else 1_000)


if __name__ == "__main__":
    main()
