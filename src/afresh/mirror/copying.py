"""A log in a folder, written to topics: the way from one machine to many, and to more partitions.

Events keep their ids and owners, so what is copied twice counts once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from afresh.app import App
from afresh.errors import AfreshError
from afresh.events.batch import decode_batch
from afresh.features.columns import item_columns
from afresh.log import Entry
from afresh.log.kafka.address import address_of
from afresh.log.kafka.producing import Producing, Written
from afresh.log.kafka.topics import Cluster, Topics, topics_of
from afresh.log.kafka.wire import Wire, placed
from afresh.log.sqlite import SqliteLog
from afresh.settings import Settings

AHEAD = 8
"""Entries on their way to the brokers."""

WAIT_S = 60.0

Progress = Callable[[str, int, int], None]


class _Item(msgspec.Struct):
    item_id: str
    deleted: bool = False


_item = msgspec.json.Decoder(_Item)


def copy_log(
    app: App, folder: Path, settings: Settings, after: int = 0, progress: Progress | None = None
) -> int:
    """Write what the log in `folder` holds from the offset `after` on to the topics that the
    settings name; the offset up to which it was written. The folder may be in use.

    Raises AfreshError when the brokers do not take something; what was written before stays.
    """
    plan, address = app.plan(), address_of(settings)
    topics = topics_of(settings)
    found = Cluster(address).find(topics)
    wire = Wire(plan.accepted, *item_columns(plan))
    log = SqliteLog(folder, app=app.name, readonly=True)
    if log.id == found.id:
        log.close()
        raise AfreshError(
            f"The log in {folder} mirrors these topics: they hold it already.",
            hint="To have more partitions, make a new generation: set kafka_generation.",
        )
    copying = _Copying(topics, found.events, wire, Producing(address))
    try:
        end = log.end
        for entry in log.read(after, end):
            copying.write(entry)
            if progress is not None:
                progress("copy", min(entry.end, end) - after, end - after)
        copying.finish()
    finally:
        copying.producing.close()
        log.close()
    return end


class _Copying:
    """Entries on their way to the topics, AHEAD at most."""

    def __init__(self, topics: Topics, partitions: int, wire: Wire, producing: Producing) -> None:
        self.topics, self.partitions, self.wire = topics, partitions, wire
        self.producing = producing
        self._room = threading.Semaphore(AHEAD)
        self._failure: AfreshError | None = None

    def write(self, entry: Entry) -> None:
        if not entry.held:
            return
        if entry.kind == "events":
            batch = decode_batch(entry.payload)
            keys, where = placed(batch, self.partitions)
            self._send(self.topics.events, keys, self.wire.encode(batch), where)
        elif entry.kind == "items":
            lines = [line for line in entry.payload.split(b"\n") if line]
            records = [_item.decode(line) for line in lines]
            values = [None if r.deleted else s for r, s in zip(records, lines, strict=True)]
            zeros = np.zeros(len(lines), np.int64)
            self._send(self.topics.items, [r.item_id for r in records], values, zeros)
        else:
            one = np.zeros(1, np.int64)
            self._send(self.topics.weights, ["weights"], [entry.payload], one)

    def _send(
        self, topic: str, keys: list[str], values: list[bytes] | list[bytes | None],
        where: np.ndarray[tuple[int], np.dtype[np.int64]],
    ) -> None:  # fmt: skip
        self._wait()
        self.producing.write(topic, keys, values, where, self._done)

    def _wait(self) -> None:
        if not self._room.acquire(timeout=WAIT_S):
            self._failure = self._failure or AfreshError("The brokers acknowledge nothing.")
        if self._failure is not None:
            raise self._failure

    def _done(self, written: Written) -> None:
        self._failure = self._failure or written.error
        self._room.release()

    def finish(self) -> None:
        """Wait until all is acknowledged."""
        for _ in range(AHEAD):
            self._wait()
