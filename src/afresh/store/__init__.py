"""State kept beyond this process: snapshots on disk, and entity values in a store.

An entity value is all that reads of one entity need, as bytes (`afresh.store.value`). A store
keeps such values by key; it does not look into them beyond their version.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

MARK = 4
"""How many bytes at the start of every value say what it is."""
VERSION_AT = 8
"""Where in every value its version stands: eight bytes, an unsigned little-endian number."""


LOST_S = 10.0
"""A store that failed may have lost what it acknowledged so long before: a copy that was behind
took over, or its file did."""


class Put(NamedTuple):
    """A value on its way into a store. Bytes 0 to 4 of `value` say what it is, 8 to 16 are its
    version."""

    key: bytes
    value: bytes


class EntityStore(Protocol):
    """Values by key, each with a version that only grows. For any number of processes.

    Every call ends within the store's timeout: Unavailable, with a hint, when the store cannot
    be reached, is too slow or refuses. The next call tries anew. Calls may come from any thread.
    """

    def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of keys in their order, in one round trip; None for what is not held."""

    def put(self, values: Sequence[Put], ttl_ms: int) -> int:
        """Keep values for at least `ttl_ms` from now; how many were refused.

        Refused is a value whose version is less than that of the one held: looked at and written
        in one step in the store, so of two writers the newer wins, whoever comes last. What is
        held and begins with other bytes than the new one is none, and gives way. When the
        call fails, any of the values may have been kept; putting them again does no harm.
        """

    def advance(self, values: Sequence[Put], ttl_ms: int) -> list[bool]:
        """Keep each value that follows the one held: its version is one more, or 1 where none is
        held or what is held begins with other bytes. Which were kept; each is looked at and
        written in one step in the store, so who read, changed and advances loses no other's
        change. When the call fails, any may have been kept."""

    def replace(self, value: Put, ttl_ms: int) -> None:
        """Keep one value whatever is held."""

    def close(self) -> None:
        """Release connections. The next call raises Unavailable."""
