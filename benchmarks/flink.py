"""Facts on Flink: a real Kafka and a real Flink of the project's own, on this machine.

1. The generated job against the same features written by hand (`_flink_by_hand.py`), in turns over
   the same events, with the same settings, in the same Flink: events a second from the first fact
   written to the last.
2. From an event's being written to a fact that reflects it, one event at a time.

Kafka, Flink and this process share the machine's cores.
"""

from __future__ import annotations

import contextlib
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event as Signal
from uuid import uuid4

import msgspec
from engines import EngineError
from engines.flink import Flink
from engines.kafka import Kafka

from afresh.features.engines.flink.gateway import Gateway
from afresh.features.engines.flink.job import Job, settings, statement_set, tables
from afresh.features.engines.rows.reading import FactReader
from afresh.features.plan import Plan
from afresh.log.kafka.address import Address
from afresh.log.kafka.consuming import Consuming, Partition
from afresh.log.kafka.making import compare, create
from afresh.log.kafka.partition import partitions_of
from afresh.log.kafka.producing import Producing, Written
from afresh.log.kafka.topics import Cluster, Topics
from benchmarks._apps.pulse import app
from benchmarks._flink_by_hand import by_hand
from benchmarks._machine import arguments, figure, spread

PARTITIONS = 2
QUIET_S = 2.0
START = 1_790_000_000_000


def shopping(n: int, seed: int = 7) -> Iterator[tuple[str, bytes]]:
    """Owners and events: a few of 5,000 people and things have most; a minute out of order."""
    dice = random.Random(seed)
    for at in range(n):
        user, item = int(dice.random() ** 2 * 5000), int(dice.random() ** 2 * 5000)
        kind = dice.choices(["view", "cart", "buy"], [85, 10, 5])[0]
        event: dict[str, str | int] = {
            "event_id": f"{dice.getrandbits(128):032x}",
            "event_type": kind,
            "timestamp": START + at * 200 + dice.randrange(60_000),
            "user_id": f"u{user:05d}",
            "session_id": f"v{user:05d}-{at // 20_000}",
            "item_id": f"i{item:05d}",
            "item.category": f"c{item % 50}",
        }
        if kind == "buy":
            event["price_cents"] = item
        yield f"u:u{user:05d}", msgspec.json.encode(event)


class Bench:
    """Topics of events, and jobs with topics of facts of their own."""

    def __init__(self, broker: Kafka, flink: Flink, plan: Plan) -> None:
        self.flink, self.plan = flink, plan
        self.address = Address(broker.servers, f"b{uuid4().hex[:10]}")
        self.cluster = Cluster(self.address)
        self.producing = Producing(self.address)
        self._number = 0

    def topics(self) -> Topics:
        self._number += 1
        topics = Topics(self.address.prefix, self._number)
        create(self.cluster, compare(self.cluster, topics.wanted(PARTITIONS, None)), 1)
        return topics

    def write(self, topics: Topics, events: list[tuple[str, bytes]]) -> None:
        keys = [key for key, _ in events]
        where = partitions_of("\0".join(keys).encode(), len(keys), PARTITIONS)
        told = Signal()

        def done(written: Written) -> None:
            assert written.error is None
            told.set()

        self.producing.write(topics.events, keys, [value for _, value in events], where, done)
        assert told.wait(60)

    def job(self, topics: Topics) -> Job:
        return Job(
            brokers=self.address.servers,
            events=topics.events,
            facts=topics.facts,
            group=f"{topics.facts}.flink",
        )

    @contextlib.contextmanager
    def running(self, job: Job, *, hand: bool) -> Iterator[None]:
        made = by_hand(job) if hand else (tables(self.plan, job), statement_set(self.plan))
        with Gateway(self.flink.gateway) as gateway:
            gateway.set(settings(self.plan, job))
            for statement in made[0]:
                gateway.run(statement)
            running = gateway.submit(made[1])
            yield
            gateway.run(f"STOP JOB '{running}'")

    def rate(self, topics: Topics, n: int, parallelism: int, *, hand: bool) -> tuple[float, int]:
        """Events a second between the first fact and the last, and how many facts were written."""
        self._number += 1
        facts = Topics(self.address.prefix, self._number).facts
        wanted = [
            replace(t, name=facts)
            for t in topics.wanted(PARTITIONS, None)
            if t.name == topics.facts
        ]
        create(self.cluster, compare(self.cluster, wanted), 1)
        job = replace(
            self.job(topics), facts=facts, group=f"{facts}.flink", parallelism=parallelism
        )
        consuming = Consuming(self.address, [Partition(facts, at) for at in range(PARTITIONS)])
        with self.running(job, hand=hand):
            first = last = 0.0
            held = 0
            while not held or time.perf_counter() - last < QUIET_S:
                found = sum(end for _, end in consuming.bounds())
                if found != held:
                    last = time.perf_counter()
                    first, held = first or last, found
                time.sleep(0.05)
        consuming.close()
        return n / (last - first), held


def rates(bench: Bench, rounds: int, n: int, parallelism: int) -> None:
    topics = bench.topics()
    bench.write(topics, list(shopping(n)))
    by_hand_rates, ours, written = [], [], {}
    for _ in range(rounds):
        rate, written["by_hand"] = bench.rate(topics, n, parallelism, hand=True)
        by_hand_rates.append(rate)
        rate, written["generated"] = bench.rate(topics, n, parallelism, hand=False)
        ours.append(rate)
    ratios = [a / b for a, b in zip(ours, by_hand_rates, strict=True)]
    figure(
        f"generated, parallelism {parallelism}",
        statistics.median(ratios),
        "of SQL written by hand",
        must=0.5,
        aim=0.9,
        limit={"what": "benchmarks/_flink_by_hand.py", "events_per_s": spread(by_hand_rates, 0)},
        events_per_s=spread(ours, 0),
        ratios=spread(ratios),
        events=n,
        facts_written=written,
        sharing="Kafka and Flink share the cores; each table of the hand-written job has a task, "
        "so that at parallelism 1 it has more threads",
    )


def latency(bench: Bench, n: int) -> None:
    topics = bench.topics()
    job, events = bench.job(topics), list(shopping(n + 20, seed=3))
    took = []
    with bench.running(job, hand=False):
        reader = FactReader(bench.address, topics.facts)
        for at, event in enumerate(events):
            began = time.perf_counter()
            bench.write(topics, [event])
            while reader.read().events <= at:
                time.sleep(0.0005)
            if at >= 20:
                took.append((time.perf_counter() - began) * 1000)
        reader.close()
    figure(
        "latency",
        statistics.median(took),
        "ms from writing an event to reading a fact of it",
        must=100,
        aim=30,
        limit={"what": "buffer timeout", "ms": job.buffer_ms},
        less=True,
        ms=spread(took, 1),
        sharing="one event at a time; the clock includes the broker's acknowledgement",
    )


def main() -> None:
    small = arguments("Facts on Flink.").smoke
    with tempfile.TemporaryDirectory(prefix="afresh-flink-") as name, contextlib.ExitStack() as end:
        folder = Path(name)
        try:
            broker = Kafka(folder / "broker")
            end.callback(broker.stop)
            flink = Flink(folder / "flink", heap_mb=1024 if small else 3072)
            end.callback(flink.stop)
        except EngineError as error:
            print(msgspec.json.encode({"figure": "flink", "missing": str(error)}).decode())
            return
        bench = Bench(broker, flink, app.plan())
        latency(bench, 5 if small else 200)
        if not small:  # classes are loaded and compiled before anything is timed
            few = bench.topics()
            bench.write(few, list(shopping(200, seed=1)))
            bench.rate(few, 200, 1, hand=True)
        for parallelism in (1,) if small else (1, 2):
            rates(bench, 1 if small else 3, 500 if small else 40_000, parallelism)
        bench.producing.close()


if __name__ == "__main__":
    main()
