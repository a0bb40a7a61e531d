"""The entity value: one entity's facts as bytes, and where it is kept.

All numbers are little-endian. A header of 32 bytes: `afv` and the format (1); sections,
partitions, uint16 each; the version n, uint64; the generation, uint64; F, int64. Then for each
partition of the log the offset up to which the facts reflect it, int64; the end of each section
in the body, uint32; the body. Which section is what follows from the plan and the key: the
tiles of each family of the key, its sketches, its sequences, and of users the links of their
sessions. One more section may follow, which readers pass over: what its writer goes on from. How
a section is written: pack.py; how it is read, with every bound checked: unpack.py.
"""

from __future__ import annotations

import hashlib
from typing import Literal, NamedTuple

import msgspec

from afresh.errors import CorruptData
from afresh.features.plan import DAY_MS, Plan
from afresh.store import Put

FORMAT = 1
MAGIC = b"afv" + bytes([FORMAT])
HEADER = 32
SIZE = 4
"""Bytes of a section's end."""


class Section(NamedTuple):
    """A part of a value: the at-th family, sketch or sequence of the plan, or the links."""

    kind: Literal["tiles", "distinct", "sequence", "links"]
    at: int


def sections_of(plan: Plan, key: str) -> list[Section]:
    """What the values of a key field hold, in the order in which they do."""
    found = [Section("tiles", at) for at, each in enumerate(plan.families) if each.key == key]
    found += [Section("distinct", at) for at, each in enumerate(plan.distincts) if each.key == key]
    found += [Section("sequence", at) for at, each in enumerate(plan.sequences) if each.key == key]
    return [*found, Section("links", 0)] if key == "user_id" else found


def keys_of(plan: Plan) -> list[str]:
    """The key fields by which a plan keeps something that a feature reads."""
    return sorted({feature.key for feature in plan.features})


def generation_of(plan: Plan, log: str, engine: str = "") -> int:
    """Facts of one plan and one log in this format, by one engine: what is written under another
    number is never mixed with them."""
    named = f"{FORMAT}/{plan.hash}/{log}" + (f"/{engine}" if engine else "")
    return int.from_bytes(hashlib.sha256(named.encode()).digest()[:8], "big")


def ttl_of(plan: Plan) -> int:
    """How long a value must be kept after it was written, ms: until no read can see its facts."""
    return plan.reach + max([DAY_MS, *(family.width for family in plan.families)])


class Keys:
    """Where things are kept: under `prefix`, an app's name and a plan's hash.

    A value's key ends with its entity, so on a cluster values spread over all nodes.
    """

    def __init__(self, prefix: str, plan: Plan) -> None:
        self.base = f"{prefix}:{plan.app}:"
        self.head = f"{self.base}{plan.hash}:head{FORMAT}".encode()

    def prefix(self, generation: int, field: str) -> bytes:
        """What the entity's name is appended to; of a party it begins with `u` or `s`."""
        return f"{self.base}{generation:016x}:{field}:".encode()


class Head(msgspec.Struct, frozen=True):
    """What a store holds of one plan: every entity reflects the log up to `offsets`, at least."""

    generation: int
    log: str
    offsets: list[int]
    newest: int
    engine: str = ""
    """Who made the facts: empty for a server, else an engine and its topic of facts."""

    @property
    def n(self) -> int:
        """The version: it grows with every record folded."""
        return sum(self.offsets)

    def put(self, key: bytes) -> Put:
        return Put(key, MAGIC + bytes(4) + self.n.to_bytes(8, "little") + msgspec.json.encode(self))


def read_head(value: bytes) -> Head:
    """Raises CorruptData when it is none of this format."""
    try:
        if value[:4] == MAGIC:
            return msgspec.json.decode(value[16:], type=Head)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass
    raise CorruptData(
        "What the store holds as its head is none of this version.",
        hint="Let servers and readers be of one version, or set another store_prefix.",
    )
