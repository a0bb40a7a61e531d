"""Progress: how far each partition of the facts is in the store, kept beside the values.

From what all partitions say follows the store's head. So the head needs no feeder that knows of the
others, and a feeder goes on where the one before it was.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from afresh.errors import CorruptData, Unavailable
from afresh.features.plan import Plan
from afresh.store import EntityStore, Put
from afresh.store.value import MAGIC, Head, Keys, generation_of, read_head, ttl_of


class Progress(msgspec.Struct, frozen=True):
    """at: the offset of the next record of a partition; vector: of the log that its facts up to
    there reflect, empty while that is not known; newest: F, UTC ms."""

    at: int = 0
    vector: list[int] = []
    newest: int = 0


class Ledger:
    """Progress of all partitions of one topic of facts, and the head that follows from it."""

    def __init__(
        self, plan: Plan, store: EntityStore, keys: Keys, log: str, engine: str, partitions: int
    ) -> None:
        self.store, self.keys = store, keys
        self.log, self.engine = log, engine
        self.generation = generation_of(plan, log, engine)
        # No key field is empty, so no entity has such a key.
        own = keys.prefix(self.generation, "")
        self._places = [own + str(number).encode() for number in range(partitions)]
        self._ttl_ms = ttl_of(plan)
        self._ours = False
        """Whether the head was ours before."""
        self._said: dict[int, int] = {}

    def read(self) -> list[Progress]:
        """What is held of each partition."""
        return self._read()[1]

    def write(self, mine: Mapping[int, Progress]) -> bool:
        """Say how far some partitions are, and let the head follow; False: the store holds less
        than was said before, so that what they hold is to be written again."""
        head, held = self._read()
        if any(held[at].at < self._said.get(at, 0) for at in mine):
            self._said.clear()
            return False
        puts = [Put(self._places[at], _value(said)) for at, said in mine.items()]
        self.store.put(puts, self._ttl_ms)
        self._said = {at: said.at for at, said in mine.items()}
        now = [mine.get(at, said) for at, said in enumerate(held)]
        if all(said.vector for said in now):
            vectors = zip(*(said.vector for said in now), strict=True)
            newest = max(said.newest for said in now)
            offsets = [min(column) for column in vectors]
            self._lead(head, Head(self.generation, self.log, offsets, newest, self.engine))
        return True

    def _lead(self, held: Head | None, head: Head) -> None:
        """Write the head, unless it says the same."""
        if held is not None and held.generation == self.generation:
            self._ours = True
            if held != head:
                self.store.put([head.put(self.keys.head)], self._ttl_ms)
            return
        if held is not None and self._ours:
            raise Unavailable(
                "A server or a feeder of other facts writes the same app and definition into the "
                "store.",
                hint="Set store_write = false for the servers, or give one another store_prefix.",
            )
        self.store.replace(head.put(self.keys.head), self._ttl_ms)
        self._ours = True

    def _read(self) -> tuple[Head | None, list[Progress]]:
        head, *values = self.store.get([self.keys.head, *self._places])
        try:
            held = None if head is None else read_head(head)
        except CorruptData:
            held = None
        return held, [_progress(value) for value in values]


def _value(said: Progress) -> bytes:
    return MAGIC + bytes(4) + said.at.to_bytes(8, "little") + msgspec.json.encode(said)


def _progress(value: bytes | None) -> Progress:
    """What cannot be read is as good as nothing: the facts are merged from the first again."""
    try:
        return Progress() if value is None else msgspec.json.decode(value[16:], type=Progress)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Progress()
