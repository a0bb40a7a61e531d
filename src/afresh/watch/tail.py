"""The newest events of a log, and those that come: what `afresh events` shows."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from afresh.errors import BadRequest, NotFound
from afresh.events.batch import NULL, decode_batch
from afresh.log import Entry
from afresh.log.kafka.address import Address
from afresh.log.kafka.consuming import Consuming, Partition
from afresh.log.sqlite import SqliteLog

LOOK_S = 0.2
WAIT_S = 3.0
"""How long the brokers may take to hand over what they said they hold."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A record. where: its offset, or partition/offset; arrival: UTC ms; key: of its message."""

    where: str
    arrival: int
    record: dict[str, Any]
    key: str = ""


def in_folder(folder: Path, n: int, *, late: bool = False, follow: bool = False) -> Iterator[Seen]:
    """The newest n events of the log in a folder, the newest last. late: of those that came too
    late. follow: then those that come, without end."""
    log = SqliteLog(folder, readonly=True)
    try:
        if late:
            for at, event in enumerate(reversed(log.late(n))):
                yield Seen(f"late-{at}", event.arrival, msgspec.json.decode(event.payload))
            return
        end = log.end
        yield from _newest(log, end, n)
        while follow:
            time.sleep(LOOK_S)
            for entry in log.read(end):
                yield from _events(entry)
                end = entry.end
    finally:
        log.close()


def _newest(log: SqliteLog, end: int, n: int) -> list[Seen]:
    found: list[Seen] = []
    reach = n
    while True:  # items and what was erased have offsets too
        first = max(end - reach, log.start)
        found = [seen for entry in log.read(first, end) for seen in _events(entry)]
        if len(found) >= n or first == log.start:
            return found[-n:]
        reach *= 4


def _events(entry: Entry) -> Iterator[Seen]:
    if entry.kind != "events" or not entry.held:
        return
    batch = decode_batch(entry.payload)
    texts = {name: batch.strings(name) for name in batch.texts}
    for i, offset in enumerate(entry.offsets.tolist()):
        record = {"event_type": batch.types[batch.type[i]], "timestamp": int(batch.ts[i])}
        record |= {name: column[i] for name, column in texts.items() if column[i]}
        record |= {
            name: int(column[i]) / 10 ** batch.places[name]
            if batch.places[name]
            else int(column[i])
            for name, column in batch.numbers.items()
            if column[i] != NULL
        }
        yield Seen(str(offset), entry.arrival, record)


def in_topic(
    address: Address, topic: str, partitions: int, n: int, *, follow: bool = False
) -> Iterator[Seen]:
    """The same of a topic: what has come, in the order of arrival, then what comes."""
    consuming = Consuming(address, [Partition(topic, number) for number in range(partitions)])
    try:
        bounds = consuming.bounds()
        first = [max(end - n, begin) for begin, end in bounds]
        consuming.begin(first)
        left = sum(end - begin for begin, (_, end) in zip(first, bounds, strict=True))
        yield from _known(consuming, left, n)
        while follow:
            for _, messages in consuming.take(LOOK_S):
                yield from map(_seen, messages)
    finally:
        consuming.close()


def _known(consuming: Consuming, left: int, n: int) -> list[Seen]:
    found: list[Seen] = []
    late = time.monotonic() + WAIT_S
    while left > 0 and time.monotonic() < late:  # compaction leaves gaps: not all of them come
        for _, messages in consuming.take(LOOK_S):
            found += map(_seen, messages)
            left -= len(messages)
    return heapq.nlargest(n, found, key=lambda seen: seen.arrival)[::-1]


def one_of(address: Address, topic: str, partition: int, offset: int) -> Seen:
    """One message of a topic. Raises NotFound."""
    consuming = Consuming(address, [Partition(topic, partition)])
    try:
        first, end = consuming.bounds()[0]
        if not first <= offset < end:
            raise NotFound(
                f"{topic}/{partition} holds no offset {offset}.",
                hint=f"It holds {first} to {end - 1}." if end > first else "It is empty.",
            )
        consuming.begin([offset])
        late = time.monotonic() + WAIT_S
        while time.monotonic() < late:
            for _, messages in consuming.take(LOOK_S):
                return _seen(messages[0])
        raise NotFound(f"{topic}/{partition} does not hand over {offset}.", hint="Try again.")
    finally:
        consuming.close()


def in_log(folder: Path, offset: int) -> tuple[Seen, Entry]:
    """One event of the log in a folder, and the entry that it came in. Raises NotFound."""
    log = SqliteLog(folder, readonly=True)
    try:
        for entry in log.read(offset, offset + 1):
            for seen in _events(entry):
                if seen.where == str(offset):
                    return seen, entry
        raise NotFound(
            f"The log in {folder} holds no event at {offset}.",
            hint=f"It has offsets {log.start} to {log.end - 1}; items have offsets too.",
        )
    finally:
        log.close()


def place_of(text: str) -> tuple[int, int]:
    """(partition, offset) of `3/120`, or of `120` in a log without partitions."""
    try:
        parts = [int(part) for part in text.split("/")]
        partition, offset = parts if len(parts) == 2 else (0, *parts)
    except ValueError:
        raise BadRequest(
            f"{text!r} is no place in a log.", hint="Write 120, or 3/120 for partition 3."
        ) from None
    return partition, offset


def _seen(message: Any) -> Seen:
    value = message.value()
    try:
        record = msgspec.json.decode(value or b"{}", type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        record = {"unreadable": (value or b"").decode(errors="replace")}
    where = f"{message.partition()}/{message.offset()}"
    key = (message.key() or b"").decode(errors="replace")
    return Seen(where, message.timestamp()[1], record, key)
