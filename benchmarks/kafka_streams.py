"""Facts on Kafka Streams beside Flink's generated SQL: the same plan, events and broker.

1. Events a second, in turns: from the first fact of a set of events to the last one. Both engines
   have worked through other events before, so that their classes are loaded and compiled.
2. From an event's being written to a row of one of its lists, one event at a time.

Kafka, the engine and this process share the machine's cores. Flink holds no more than its job; the
runner writes each change of its state to Kafka as well.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
from engines import EngineError
from engines.flink import Flink
from engines.kafka import Kafka
from engines.kafka_streams import KafkaStreams, build_kafka_streams

from afresh.features.engines.kafka_streams.document import document_of
from afresh.features.engines.kafka_streams.placing import placed
from afresh.features.engines.rows.identity import sessions_name
from afresh.features.engines.rows.reading import FactReader
from afresh.log.kafka.consuming import Consuming, Partition
from afresh.log.kafka.topics import Topics
from benchmarks._apps.pulse import app
from benchmarks._machine import arguments, figure, spread
from benchmarks.flink import PARTITIONS, Bench, shopping

PLAN = app.plan()
DAY_MS = 86_400_000
QUIET_S = 6.0
"""For how long nothing must be written for all to be written: a checkpoint of Flink stalls it."""
WARM_UP = 20
COMMIT_MS, SHORT_MS = 100, 20
"""How often the runner commits: as Kafka Streams does by itself, and more often."""
FLINK, STREAMS = "Flink", "Kafka Streams"


class Engines:
    """Either engine over topics of a bench, by its name. threads: Flink's parallelism, and threads
    of one instance of the runner."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench, self.folder = bench, folder
        self._number = 0

    @contextlib.contextmanager
    def running(self, name: str, topics: Topics, threads: int, commit_ms: int) -> Iterator[None]:
        if name == FLINK:
            job = replace(self.bench.job(topics), parallelism=threads)
            with self.bench.running(job, hand=False):
                yield
            return
        self._number += 1
        document = document_of(PLAN, placed(topics, self.bench.address.servers), DAY_MS)
        settings = {"num.stream.threads": str(threads), "commit.interval.ms": str(commit_ms)}
        folder = self.folder / str(self._number)
        runner = KafkaStreams(folder, msgspec.json.encode(document), settings)
        try:
            yield
        finally:
            runner.stop()

    def rate(self, name: str, warm: int, n: int, threads: int) -> tuple[float, int]:
        """Events a second from the first fact of n events to the last, and how many facts those
        are. warm: how many other events come first."""
        topics = self.bench.topics()
        facts = [Partition(topics.facts, at) for at in range(PARTITIONS)]
        consuming = Consuming(self.bench.address, facts)
        events = list(shopping(warm + n))
        with self.running(name, topics, threads, COMMIT_MS):
            self.bench.write(topics, events[:warm])
            _, before = self._quiet(consuming, 0)
            self.bench.write(topics, events[warm:])
            took, after = self._quiet(consuming, before)
        consuming.close()
        return n / took, after - before

    def _quiet(self, consuming: Consuming, before: int) -> tuple[float, int]:
        """Seconds from the first fact that is new to the last one, and how many there are then."""
        first = last = 0.0
        held = before
        while held == before or time.perf_counter() - last < QUIET_S:
            found = sum(end for _, end in consuming.bounds())
            if found != held:
                last = time.perf_counter()
                first, held = first or last, found
            time.sleep(0.02)
        return last - first, held

    def latency(self, name: str, n: int, commit_ms: int) -> list[float]:
        """ms from writing an event to reading that it is the last of its session."""
        topics = self.bench.topics()
        took: list[float] = []
        with self.running(name, topics, 1, commit_ms):
            reader = FactReader(self.bench.address, topics.facts)
            for at, (owner, message) in enumerate(shopping(n + WARM_UP, seed=3)):
                event = msgspec.json.decode(message)
                listed = sessions_name(PLAN), f"s:{event['session_id']}"
                began = time.perf_counter()
                self.bench.write(topics, [(owner, message)])
                while (event["event_id"], owner) not in reader.read().lists.get(listed, {}):
                    time.sleep(0.0005)
                if at >= WARM_UP:
                    took.append((time.perf_counter() - began) * 1000)
            reader.close()
        return took


def rates(engines: Engines, rounds: int, warm: int, n: int, threads: int) -> None:
    found: dict[str, list[float]] = {FLINK: [], STREAMS: []}
    written = {}
    for _ in range(rounds):
        for name, told in found.items():
            rate, written[name] = engines.rate(name, warm, n, threads)
            told.append(rate)
    ratios = [a / b for a, b in zip(found[STREAMS], found[FLINK], strict=True)]
    figure(
        f"rate, {threads} thread(s)",
        statistics.median(ratios),
        "of Flink's generated SQL",
        must=0.5,
        aim=1.0,
        limit={"what": "Flink at the same parallelism", "events_per_s": spread(found[FLINK], 0)},
        events_per_s=spread(found[STREAMS], 0),
        ratios=spread(ratios),
        events=n,
        facts_written=written,
        sharing="the broker and the engine share the cores. A thread of the runner does all, "
        "Flink has one for each kind of fact; the runner commits transactions, Flink does not",
    )


def latencies(engines: Engines, n: int) -> None:
    flink = engines.latency(FLINK, n, COMMIT_MS)
    for commit_ms in (COMMIT_MS, SHORT_MS):
        took = engines.latency(STREAMS, n, commit_ms)
        figure(
            f"latency, commits each {commit_ms} ms",
            statistics.median(took),
            "ms from writing an event to reading a fact of it",
            must=500,
            aim=250,
            limit={"what": "Flink, at least once", "ms": spread(flink, 1)},
            less=True,
            ms=spread(took, 1),
            sharing="one event at a time, through two transactions one after the other; the clock "
            "includes the broker's acknowledgement",
        )


def main() -> None:
    small = arguments("Facts on Kafka Streams beside Flink.").smoke
    with tempfile.TemporaryDirectory(prefix="afresh-ks-") as name, contextlib.ExitStack() as end:
        folder = Path(name)
        try:
            build_kafka_streams()
            broker = Kafka(folder / "broker")
            end.callback(broker.stop)
            flink = Flink(folder / "flink", heap_mb=1024 if small else 3072)
            end.callback(flink.stop)
        except EngineError as error:
            print(msgspec.json.encode({"figure": "kafka_streams", "missing": str(error)}).decode())
            return
        bench = Bench(broker, flink, PLAN)
        end.callback(bench.producing.close)
        engines = Engines(bench, folder)
        latencies(engines, 5 if small else 200)
        for threads in (1,) if small else (1, 2):
            rates(engines, 1 if small else 3, 200 if small else 5_000, 500 if small else 30_000,
                  threads)  # fmt: skip


if __name__ == "__main__":
    main()
