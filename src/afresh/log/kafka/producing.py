"""Messages that are written: acknowledged by all replicas in sync, or refused."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from afresh.errors import AfreshError, Overloaded, Unavailable
from afresh.log.kafka.address import Address
from afresh.log.kafka.client import kafka
from afresh.log.kafka.quiet import QUIET, say_once

DELIVERY_S = 10.0
"""How long a message may take to be acknowledged."""

_log = structlog.get_logger("afresh.kafka")

WAITING = 1_000_000
"""Messages that may wait to be acknowledged."""

Done = Callable[["Written"], None]


@dataclass(slots=True)
class Written:
    """What became of messages written together. offsets: of the next record in each partition that
    they went to; error: why some were not acknowledged, though they may be in the topic."""

    offsets: dict[int, int] = field(default_factory=dict)
    error: AfreshError | None = None


class Producing:
    """An idempotent producer: within a partition, messages stand in the order they were given.

    One thread writes; what became of it is told from another.
    """

    def __init__(self, address: Address) -> None:
        must = {"acks": "all", "enable.idempotence": True, "error_cb": say_once}
        usual = {
            "compression.type": "lz4",
            "linger.ms": 1,
            "delivery.timeout.ms": int(DELIVERY_S * 1000),
            "queue.buffering.max.messages": WAITING,
        }
        self._settings = address.client(must, **usual)
        self._producer = self._made()
        self._fatal = ""
        """Why the producer takes no more, once it does not."""
        self._open = True
        self._thread = threading.Thread(target=self._poll, name="afresh-kafka-acks", daemon=True)
        self._thread.start()

    def _made(self) -> Any:
        return kafka().Producer(self._settings, logger=QUIET)

    def write(
        self,
        topic: str,
        keys: Sequence[str],
        values: Sequence[bytes | None],
        partitions: NDArray[np.int64],
        done: Done,
    ) -> None:
        """Write messages; `done` is called when the last of them is acknowledged or refused.

        Raises Overloaded when too many wait already; none of these was taken then.
        """
        if self._fatal:
            self._producer, self._fatal = self._made(), ""
        if len(self._producer) + len(values) > WAITING:
            raise Overloaded("Too many events wait for the brokers.")
        ordered = np.argsort(partitions, kind="stable")
        borders = np.flatnonzero(np.diff(partitions[ordered])) + 1
        runs = np.split(ordered, borders)
        group = _Group(len(runs), done, lambda: self._fatal)
        for run in runs:
            rows = run.tolist()
            messages: list[dict[str, Any]] = [{"value": values[i], "key": keys[i]} for i in rows]
            # Those before it in its partition have been heard of when the last one is.
            messages[-1]["callback"] = group.last
            partition = int(partitions[rows[0]])
            self._producer.produce_batch(topic, messages, partition, group.errors.__setitem__)
            refused = [m["_error"] for m in messages if "_error" in m]
            if refused:
                group.errors[refused[0]] = None
            if "_error" in messages[-1]:
                group.last(refused[-1], None)

    def _poll(self) -> None:
        lib = kafka()
        while self._open:
            try:
                self._producer.poll(0.1)
            except lib.KafkaException as error:
                # Nothing can be written by it any more; the next write takes a new one.
                self._fatal = error.args[0].str()
            except Exception:  # of whoever was told: the next message must be heard of
                _log.exception("acknowledgement_failed")

    def close(self) -> None:
        """Wait for what is on its way, DELIVERY_S at most."""
        if self._producer.flush(DELIVERY_S):
            self._producer.purge()
        self._open = False
        self._thread.join()
        self._producer.close()


class _Group:
    """Messages written together: heard of when the last one in each partition is."""

    def __init__(self, partitions: int, done: Done, fatal: Callable[[], str]) -> None:
        self.errors: dict[Any, Any] = {}
        self.written = Written()
        self._left, self._done, self._fatal = partitions, done, fatal

    def last(self, error: Any, message: Any) -> None:
        self._left -= 1
        if error is None:
            self.written.offsets[message.partition()] = message.offset() + 1
        else:
            self.errors[error] = None
        if self._left:
            return
        failed = next((error for error in self.errors if error is not None), None)
        if failed is not None:
            self.written.error = Unavailable(
                f"The brokers did not acknowledge the events: {self._fatal() or failed}.",
                hint="Send them again with the same event ids: what came through counts once.",
            )
        self._done(self.written)
