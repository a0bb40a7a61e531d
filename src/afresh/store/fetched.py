"""Fetched: entity values as they came from a store, their headers read and their sections found."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.errors import CorruptData
from afresh.features.links import Link
from afresh.features.plan import Plan
from afresh.store import unpack_kernels as kernels
from afresh.store.value import HEADER, MAGIC, Section, sections_of

_MAGIC = np.frombuffer(MAGIC, np.uint8)
_links = msgspec.msgpack.Decoder(list[Link])


class Values:
    """The values of some entities of one key field, their headers read.

    entities: their names, of parties with `u` or `s` before; one without a value is None.
    n int64[entities]: versions, -1 without a value. newest: the greatest F of them, UTC ms.
    Raises CorruptData when a header is not as value.py says, or of another generation.
    """

    def __init__(
        self,
        plan: Plan,
        key: str,
        generation: int,
        entities: Sequence[bytes],
        values: Sequence[bytes | None],
    ) -> None:
        self.plan, self.key, self.generation = plan, key, generation
        self.entities, self.values = entities, values
        self.sections = sections_of(plan, key)
        self.held = np.array([value is not None for value in values], np.bool_)
        whole = [value or b"" for value in values]
        self.data = np.frombuffer(b"".join(whole), np.uint8)
        sizes = np.fromiter(map(len, whole), np.int64, len(whole))
        ends = np.cumsum(sizes)
        starts = ends - sizes
        n, sections = len(whole), len(self.sections)
        self.n, self.newests = np.empty(n, np.int64), np.empty(n, np.int64)
        self.first = np.empty((sections, n), np.int64)
        self.last = np.empty((sections, n), np.int64)
        self.done(
            kernels.unpack_headers(
                self.data, starts, ends, _MAGIC, np.uint64(generation), HEADER, self.n,
                self.newests, self.first, self.last,
            )
        )  # fmt: skip
        self.newest = int(self.newests.max(initial=0))

    def reached(self, head: Sequence[int]) -> NDArray[np.int64] | None:
        """Up to where in the log each entity's facts are known, as its value says and `head` of
        all: int64[entities, partitions]; None when a value is none of a server's."""
        rows = np.tile(np.array(head, np.int64), (len(self.values), 1))
        for row, n, value in zip(rows, self.n.tolist(), self.values, strict=True):
            if value is None:
                continue
            said = np.frombuffer(value, "<i8", int.from_bytes(value[6:8], "little"), HEADER)
            if len(said) != len(row) or int(said.sum()) != n:
                return None
            np.maximum(row, said, out=row)
        return rows

    def and_also(self, entities: Sequence[bytes], values: Sequence[bytes | None]) -> Values:
        """These and others together."""
        mine = [*self.entities, *entities]
        return Values(self.plan, self.key, self.generation, mine, [*self.values, *values])

    def done(self, read: int) -> int:
        """What a kernel returned, or CorruptData."""
        if read < 0:
            raise CorruptData(
                f"The value of {self.entities[-1 - read]!r} ({self.key}) in the store is damaged.",
                hint="It is written again at its next event; `afresh serve` with an empty "
                "store writes all.",
            )
        return int(read)

    def text(self, column: NDArray[np.uint8]) -> bytes:
        """A text column of names that came from a store. Raises CorruptData when it is none."""
        whole = column.tobytes()
        try:
            whole.decode()
        except UnicodeDecodeError as error:
            text = f"A name in the store's values of {self.key} is no text."
            raise CorruptData(text, hint="Write them anew, with an empty store.") from error
        return whole


def links_in(values: Values) -> list[Link]:
    """The links that the values of users hold, each once."""
    at = values.sections.index(Section("links", 0))
    first, last = values.first[at], values.last[at]
    links: set[Link] = set()
    for e in np.flatnonzero(last > first).tolist():
        try:
            links.update(_links.decode(values.data[first[e] : last[e]].tobytes()))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            values.done(-1 - e)
    return list(links)
