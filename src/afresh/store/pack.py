"""Packing: from a state to entity values, many entities of one key at a time."""

from __future__ import annotations

import struct

import msgspec
import numpy as np
from numpy.typing import NDArray

from afresh.features.columns import fixed_labels
from afresh.features.engines.embedded import State
from afresh.features.tiles import Tiles
from afresh.store import Put
from afresh.store import pack_kernels as kernels
from afresh.store.value import HEADER, MAGIC, SIZE, Head, Keys, Section, sections_of

Packed = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""A section of every entity, one behind the other, and where each ends: int64[n + 1]."""

_NO_NAMES = np.zeros(0, np.uint8), np.zeros(1, np.int64)


def pack(state: State, key: str, numbers: NDArray[np.int64], head: Head, keys: Keys) -> list[Put]:
    """The values of entities of a key field as they stand in a state that `head` describes.

    numbers: int64[n], of entities that the state knows. The caller keeps the state from being
    folded meanwhile.
    """
    if not len(numbers):
        return []
    sections = sections_of(state.plan, key)
    made = [_section(state, section, numbers) for section in sections]
    sizes = np.stack([np.diff(borders) for _, borders in made]).sum(axis=0)
    lead = HEADER + 8 * len(head.offsets) + SIZE * len(made)
    ends = np.cumsum(sizes + lead)
    starts = ends - sizes - lead
    out = np.empty(int(ends[-1]), np.uint8)
    header = np.frombuffer(_header(head, len(made)), np.uint8)
    out[starts[:, None] + np.arange(len(header))] = header
    bodies = starts + lead
    places = bodies.copy()
    for at, (section, borders) in enumerate(made):
        ends_at = starts + len(header) + SIZE * at
        kernels.lay_section(section, borders, places, ends_at, bodies, out)
    whole, prefix = out.tobytes(), keys.prefix(head.generation, key)
    names = state.names(key)
    spans = zip(numbers.tolist(), starts.tolist(), ends.tolist(), strict=True)
    # A key of parties carries `u` or `s`, but in session_id all are sessions.
    bare = 1 if key == "session_id" else 0
    return [Put(prefix + names.key(number)[bare:], whole[a:b]) for number, a, b in spans]


def _header(head: Head, sections: int) -> bytes:
    counts = sections, len(head.offsets)
    fixed = struct.pack("<4sHHQQq", MAGIC, *counts, head.n, head.generation, head.newest)
    return fixed + struct.pack(f"<{len(head.offsets)}q", *head.offsets)


def _section(state: State, section: Section, numbers: NDArray[np.int64]) -> Packed:
    if section.kind == "tiles":
        return _tiles(state, state.tiles[section.at], numbers)
    if section.kind == "distinct":
        return _sketches(state, section.at, numbers)
    if section.kind == "sequence":
        return _events(state, section.at, numbers)
    return _links(state, numbers)


def _tiles(state: State, tiles: Tiles, numbers: NDArray[np.int64]) -> Packed:
    family, b = tiles.family, tiles.blocks
    how, names = kernels.UNSPLIT, _NO_NAMES
    if family.split is not None:
        how = kernels.FIXED
        if fixed_labels(state.plan.inputs[family.split]) is None:
            interner = state.groups[family.split]
            how, names = kernels.NAMED, (interner.arena, interner.begin[: len(interner) + 1])
    room = kernels.room_for_rows(numbers, b.heads, b.pool, how == kernels.NAMED, names[1])
    out, borders = np.empty(room, np.uint8), np.empty(len(numbers) + 1, np.int64)
    kernels.pack_tiles(
        numbers, b.heads, b.pool, family.width, state.newest - family.reach, how, *names,
        out, borders,
    )  # fmt: skip
    return out, borders


def _sketches(state: State, at: int, numbers: NDArray[np.int64]) -> Packed:
    sketches = state.sketches[at]
    spec, b = sketches.spec, sketches.blocks
    room = kernels.room_for_rows(numbers, b.heads, b.pool, False, _NO_NAMES[1])
    out, borders = np.empty(room, np.uint8), np.empty(len(numbers) + 1, np.int64)
    dead_before = state.newest - spec.reach
    kernels.pack_sketches(numbers, b.heads, b.pool, spec.width, dead_before, out, borders)
    return out, borders


def _events(state: State, at: int, numbers: NDArray[np.int64]) -> Packed:
    kept, facts, items = state.sequences[at].kept, state.facts, state.items
    lists = kept.keep, state.newest - kept.within, facts.ts, kept.heads, kept.pool
    room = kernels.room_for_events(
        numbers, *lists, facts.tag, facts.hi, facts.item, items.begin
    )  # fmt: skip
    out, borders = np.empty(room, np.uint8), np.empty(len(numbers) + 1, np.int64)
    kernels.pack_events(
        numbers, *lists, facts.tag, facts.hi, facts.lo, facts.kind, facts.item, facts.arena,
        items.arena, items.begin, out, borders,
    )  # fmt: skip
    return out, borders


def _links(state: State, numbers: NDArray[np.int64]) -> Packed:
    """Of a user, every link of each session that one of their links names: of two users of one
    session it depends on all of them whose it is."""
    parts = [_told(state, number) for number in numbers.tolist()]
    sizes = [0, *map(len, parts)]
    return np.frombuffer(b"".join(parts), np.uint8), np.cumsum(sizes, dtype=np.int64)


def _told(state: State, number: int) -> bytes:
    key = state.parties.key(number) if len(state.links) else b""
    if key[:1] != b"u":
        return b""
    links = state.links.around(key[1:].decode())
    return msgspec.msgpack.encode(links) if links else b""
