"""How far who reads a log is behind it."""

from __future__ import annotations

from dataclasses import dataclass

from afresh.log.kafka.address import address_of
from afresh.log.kafka.consuming import Consuming
from afresh.log.kafka.topics import Cluster, topics_of
from afresh.log.sqlite import SqliteLog
from afresh.settings import Settings
from afresh.store.snapshot import newest_snapshots, snapshot_offset


@dataclass(frozen=True, slots=True)
class Lag:
    """Of one partition: the first offset held, that of the next record, and where the reader is."""

    name: str
    first: int
    end: int
    reached: int
    behind: int


def lags(settings: Settings) -> list[Lag]:
    """By partition of the log that the settings name, for the folder they name."""
    log = SqliteLog(settings.data, readonly=True)
    try:
        if not settings.log:
            saved = [snapshot_offset(p) for p in newest_snapshots(settings.data / "snapshots")]
            reached = min(max(saved, default=log.start), log.end)
            return [Lag("log", log.start, log.end, reached, log.end - reached)]
        vector = log.vector
    finally:
        log.close()
    address = address_of(settings)
    found = Cluster(address).find(topics_of(settings))
    consuming = Consuming(address, found.partitions)
    try:
        bounds = consuming.bounds()
    finally:
        consuming.close()
    held = tuple(max(at, first) for at, (first, _) in zip(vector, bounds, strict=True))
    return [
        Lag(f"{p.topic}/{p.number}", first, end, at, max(end - at, 0))
        for p, (first, end), at in zip(found.partitions, bounds, held, strict=True)
    ]
